"""The bytes of the opening handshake, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.server import ServerProtocol

from livestream.gateway import handshake
from livestream.gateway.door import HandshakeRequest, HttpReply
from livestream.gateway.limits import AudienceLimits
from tests.livestream.gateway.house import KEY, UPGRADE, request_bytes
from tests.properties import PROPERTY

# From RFC 6455 section 1.3.
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def verdict(head: bytes) -> bytes | HttpReply:
    """What the entrance does with a whole head that asks for an upgrade."""
    request = handshake.parse(head, "127.0.0.1")
    if isinstance(request, HttpReply):
        return request
    accepted = handshake.accept(request, compress=False)
    return handshake.judge(head) if accepted is None else accepted.answer


def library_accepts(head: bytes) -> bool:
    protocol = ServerProtocol()
    protocol.receive_data(head)
    events = protocol.events_received()
    return bool(events) and protocol.accept(_request(events[0])).status_code == 101


def _request(event: object) -> Request:
    assert isinstance(event, Request)
    return event


def test_a_plain_upgrade_is_accepted_with_the_key_of_the_rfc() -> None:
    answer = verdict(request_bytes())
    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert f"Sec-WebSocket-Accept: {ACCEPT}\r\n".encode() in answer
    assert b"Sec-WebSocket-Protocol" not in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("offered", "echoed"),
    [
        ("livestream.v1", True),
        ("livestream.v2, livestream.v1", True),
        ("livestream.v2\r\nSec-WebSocket-Protocol: livestream.v1", True),
        ("livestream.v2", False),
        ("livestream.v11", False),
    ],
)
def test_the_subprotocol_is_echoed_when_offered(offered: str, echoed: bool) -> None:
    answer = verdict(request_bytes(headers=f"{UPGRADE}Sec-WebSocket-Protocol: {offered}\r\n"))
    assert isinstance(answer, bytes)
    assert (b"\r\nSec-WebSocket-Protocol: livestream.v1\r\n" in answer) == echoed


def test_the_request_is_handed_over_as_it_came() -> None:
    request = handshake.parse(
        request_bytes("/live/a%20b?ticket=x.y-z&since=3", f"{UPGRADE}X-One: 1\r\nx-one:\t2 \r\n"),
        "192.0.2.1",
    )
    assert isinstance(request, HandshakeRequest)
    assert request.path == "/live/a%20b"
    assert request.query == "ticket=x.y-z&since=3"
    assert request.headers["x-one"] == "1, 2"
    assert request.peer == "192.0.2.1"


CHANGES = {
    "as it is": ("", "", None),
    "lower-case values": ("Connection: Upgrade", "connection: upgrade", None),
    "what firefox sends": ("Connection: Upgrade", "Connection: keep-alive, Upgrade", None),
    "wrong case": ("Upgrade: websocket", "Upgrade: WebSocket", None),
    "an empty body": ("Host:", "Content-Length: 0\r\nHost:", None),
    "post": ("GET", "POST", 405),
    "http/1.0": ("HTTP/1.1", "HTTP/1.0", 505),
    "http/2": ("HTTP/1.1", "HTTP/2", 400),
    "no version": ("Sec-WebSocket-Version: 13\r\n", "", 426),
    "an old version": ("Version: 13", "Version: 8", 426),
    "two versions": ("Version: 13", "Version: 13\r\nSec-WebSocket-Version: 8", 426),
    "no key": (f"Sec-WebSocket-Key: {KEY}\r\n", "", 400),
    "a short key": (KEY, "dGhlIHNhbXBsZQ==", 400),
    "a key that is not base64": (KEY, "!" * 24, 400),
    "two keys": (KEY, f"{KEY}\r\nSec-WebSocket-Key: {KEY}", 400),
    "no connection": ("Connection: Upgrade\r\n", "", 426),
    "another connection": ("Connection: Upgrade", "Connection: close", 426),
    "another upgrade": ("Upgrade: websocket", "Upgrade: h2c", 426),
    "two upgrades": ("Upgrade: websocket", "Upgrade: websocket, h2c", 426),
    "a body": ("Host:", "Content-Length: 5\r\nHost:", 400),
    "a chunked body": ("Host:", "Transfer-Encoding: chunked\r\nHost:", 400),
    "a folded header": ("Host: ", "Host:\r\n ", 400),
    "a header without a colon": ("Host: ", "Host ", 400),
    "a space before the colon": ("Host:", "Host :", 400),
    "a control character": ("127.0.0.1", "127.0.0.1\x00", 400),
    "a path that is not ASCII": ("/live", "/livé", 400),
    "no path": ("GET /live/room", "GET", 400),
    "bare newlines": ("Host: 127.0.0.1\r\n", "Host: 127.0.0.1\n", 400),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_request_gets_its_status_and_the_library_agrees(what: str) -> None:
    old, new, status = CHANGES[what]
    head = request_bytes().replace(old.encode(), new.encode(), 1)
    answer = verdict(head)
    assert library_accepts(head) == (status is None)
    if status is None:
        assert isinstance(answer, bytes)
    else:
        assert isinstance(answer, HttpReply)
        assert answer.status == status
        handshake.reply_bytes(answer)


@PROPERTY
@given(st.lists(st.tuples(st.integers(0, 2_000), st.binary(max_size=3)), min_size=1, max_size=3))
def test_what_is_accepted_the_library_accepts_too(changes: list[tuple[int, bytes]]) -> None:
    """Heads with random damage: the quick path may be stricter than the library, never laxer."""
    head = request_bytes()
    for place, patch in changes:
        place %= len(head)
        head = head[:place] + patch + head[place + len(patch) :]
    if head.find(b"\r\n\r\n") == len(head) - 4 and isinstance(verdict(head), bytes):
        assert library_accepts(head)


def test_a_426_names_the_version() -> None:
    answer = verdict(request_bytes(headers=UPGRADE.replace("13", "8")))
    assert isinstance(answer, HttpReply)
    assert b"426 Upgrade Required" in handshake.reply_bytes(answer)
    assert b"Sec-WebSocket-Version: 13\r\n" in handshake.reply_bytes(answer)


LIMITS = AudienceLimits(request_bytes_max=1_000, request_headers_max=10)


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 11 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\na: " + b"b" * 1_000, 431),
        (b"GET / HTTP/1.1\r\na: " + b"b" * 1_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"b" * 1_000, 414),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\r\n", 400),
    ],
)
def test_a_head_that_will_never_be_right_is_known_early(received: bytes, status: int) -> None:
    outcome = handshake.head_length(received, LIMITS)
    assert isinstance(outcome, HttpReply)
    assert outcome.status == status


def test_a_head_in_pieces_is_waited_for_and_measured() -> None:
    head = request_bytes()
    for size in range(1, len(head)):
        assert handshake.head_length(head[:size], LIMITS) == 0
    assert handshake.head_length(head + b"\x81\x80", LIMITS) == len(head)
