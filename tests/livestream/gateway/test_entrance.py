"""The way in, with real sockets: what is served, what is refused, and who cannot stay."""

import asyncio
import os
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from livestream.gateway.complaints import LINES_BURST
from livestream.gateway.door import HandshakeRequest, HttpReply, refusal
from livestream.gateway.frames import text_frame
from tests.livestream.gateway.house import (
    UPGRADE,
    House,
    Peer,
    eventually,
    masked,
    request_bytes,
)

GET = "Host: 127.0.0.1\r\n"


async def test_a_plain_get_is_answered_and_hung_up_on(house: House) -> None:
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes("/livez?verbose", GET))
        status, headers = await peer.response()
        assert (status, headers["Connection"], headers["Content-Length"]) == (200, "close", "6")
        assert await peer.rest() == b"alive\n"
    assert (house.requests[0].path, house.requests[0].query) == ("/livez", "verbose")
    assert house.requests[0].peer == "127.0.0.1"


async def test_an_answer_larger_than_the_socket_arrives_whole(house: House) -> None:
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes("/large", GET))
        status, _ = await peer.response()
        assert status == 200
        assert await peer.rest() == b"x" * 300_000


async def test_a_client_that_half_closes_after_asking_still_gets_its_answer(house: House) -> None:
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes("/large", GET))
        peer.sock.shutdown(socket.SHUT_WR)
        assert len(await peer.rest()) > 300_000


async def test_an_answer_that_takes_its_time_is_waited_for(house: House) -> None:
    async with await Peer.connect(house) as one, await Peer.connect(house) as other:
        await one.send(request_bytes("/slow", GET))
        await other.send(request_bytes("/slow", GET))
        other.sock.shutdown(socket.SHUT_WR)
        await one.send(b"and something that nobody asked for")
        await asyncio.sleep(0.05)
        assert len(house.audience) == 0
        house.promised.set_result(HttpReply(200, b"at last\n"))
        for peer in (one, other):
            assert (await peer.response())[0] == 200
            assert await peer.rest() == b"at last\n"


async def test_an_answer_that_comes_too_late_is_not_waited_for(
    open_house: Callable[..., House],
) -> None:
    house = open_house(handshake_ms_max=100)
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes("/slow", GET))
        assert (await peer.response())[0] == 408
        house.promised.set_result(HttpReply(200))
    await eventually(lambda: house.stats.handshakes[408] == 1)
    assert house.stats.handshakes[200] == 0


async def test_who_does_not_wait_for_the_answer_is_forgotten(house: House) -> None:
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes("/slow", GET))
        await eventually(lambda: house.requests)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await eventually(lambda: house.stats.handshakes_abandoned == 1)
    house.promised.set_result(HttpReply(200))
    await asyncio.sleep(0.05)
    assert house.stats.handshakes[200] == 0


async def test_a_promise_that_is_broken_is_a_500(house: House) -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(str(context["message"]))
    )
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes("/slow", GET))
        await eventually(lambda: house.requests)
        house.promised.set_exception(ValueError("a bug of the owner's"))
        assert (await peer.response())[0] == 500
    assert reported == ["door.answer raised"]


@pytest.mark.parametrize(
    ("reply", "retry_after"),
    [
        (refusal(401, "bad ticket"), None),
        (refusal(403, "not invited"), None),
        (refusal(404, "no such room"), None),
        (refusal(503, "full", retry_after_s=7), "7"),
    ],
)
async def test_the_owner_refuses_with_a_status(
    house: House, reply: HttpReply, retry_after: str | None
) -> None:
    house.refuse = reply
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes())
        status, headers = await peer.response()
        assert status == reply.status
        assert headers.get("Retry-After") == retry_after
        assert await peer.rest() == reply.body
    assert house.stats.handshakes == {reply.status: 1}
    assert len(house.audience) == 0


async def test_an_owner_that_raises_while_admitting_is_a_500(house: House) -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(str(context["message"]))
    )

    def broken(request: HandshakeRequest) -> HttpReply:
        raise ValueError("a bug of the owner's")

    house.admit = house.answer = broken  # type: ignore[method-assign]
    for headers in (UPGRADE, GET):
        async with await Peer.connect(house) as peer:
            await peer.send(request_bytes(headers=headers))
            status, _ = await peer.response()
            assert status == 500
    assert reported == ["door.admit raised", "door.answer raised"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", 400),
        (request_bytes(headers="Upgrade: websocket\r\n"), 426),
        (request_bytes(headers=UPGRADE.replace("13", "12")), 426),
        (request_bytes().replace(b"GET", b"PUT"), 405),
        (request_bytes(headers=UPGRADE + "X: y\r\n" * 100), 431),
        (request_bytes(headers=UPGRADE + f"X: {'y' * 9_000}\r\n"), 431),
        (request_bytes("/" + "y" * 9_000), 414),
    ],
)
async def test_bad_requests_get_their_status_and_others_are_untouched(
    house: House, sent: bytes, status: int
) -> None:
    async with await Peer.join(house, "anna") as anna, await Peer.connect(house) as peer:
        await peer.send(sent)
        assert (await peer.response())[0] == status
        await peer.rest()
        house.say(b"still on")
        assert await anna.text() == b"still on"
    assert house.stats.handshakes == {101: 1, status: 1}


async def test_a_request_byte_by_byte_is_a_request(house: House) -> None:
    async with await Peer.connect(house) as peer:
        for byte in request_bytes("/live/room?name=anna"):
            await peer.send(bytes((byte,)))
            await asyncio.sleep(0)
        assert (await peer.response())[0] == 101
    assert list(house.viewers) == ["anna"]


async def test_a_first_message_sent_with_the_request_is_heard(house: House) -> None:
    house.welcome = lambda viewer: _send(house, b"welcome")
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes("/live/room?name=anna") + masked(b"hello") + masked(b"a" * 9))
        assert (await peer.response())[0] == 101
        assert await peer.text() == b"welcome"
        await eventually(lambda: len(house.heard_messages) == 2)
    assert house.messages_of("anna") == [b"hello", b"a" * 9]


async def test_a_first_frame_cut_by_the_request_is_heard_when_whole(house: House) -> None:
    async with await Peer.connect(house) as peer:
        frame = masked(b"hello")
        await peer.send(request_bytes("/live/room?name=anna") + frame[:4])
        assert (await peer.response())[0] == 101
        await peer.send(frame[4:])
        await eventually(lambda: house.messages_of("anna") == [b"hello"])


@pytest.mark.parametrize("drip", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX-Slow: "])
async def test_a_slow_drip_ends_with_its_deadline(
    open_house: Callable[..., House], drip: bytes
) -> None:
    house = open_house(handshake_ms_max=150)
    loop = asyncio.get_running_loop()
    async with await Peer.connect(house) as peer:
        started = loop.time()
        dripping = asyncio.create_task(_drip(peer, drip))
        assert (await peer.response())[0] == 408
        assert 0.1 < loop.time() - started < 1.5
        dripping.cancel()
    assert house.stats.handshakes_expired == 1
    await eventually(lambda: house.audience.newcomers == 0)


async def _drip(peer: Peer, first: bytes) -> None:
    await peer.send(first)
    while first:
        await peer.send(b"y")
        await asyncio.sleep(0.02)


async def test_a_client_that_gives_up_half_way_is_forgotten(house: House) -> None:
    async with await Peer.connect(house) as peer:
        await peer.send(b"GET / HT")
        await eventually(lambda: house.audience.newcomers == 1)
    await eventually(lambda: house.audience.newcomers == 0)
    assert house.stats.handshakes_abandoned == 1


async def test_a_crowd_of_half_said_handshakes_does_not_keep_others_out(
    open_house: Callable[..., House],
) -> None:
    house = open_house(newcomers_max=10, newcomers_patience_ms=0)
    hanging = [await Peer.connect(house) for _ in range(30)]
    for peer in hanging:
        await peer.send(b"GET / HT")
    async with await Peer.join(house):
        assert house.audience.newcomers <= 10
        assert house.stats.handshakes_evicted >= 20
    for peer in hanging:
        peer.sock.close()


async def test_in_a_storm_nobody_is_sent_away_before_they_had_time_to_speak(
    open_house: Callable[..., House],
) -> None:
    house = open_house(newcomers_max=10)
    storm = [await Peer.connect(house) for _ in range(50)]
    await eventually(lambda: house.audience.newcomers == 10)
    await asyncio.sleep(0.1)
    assert house.audience.newcomers == 10, "the others wait in the kernel's queue"
    for peer in storm:
        await peer.send(request_bytes())
    for peer in storm:
        assert (await peer.response())[0] == 101
        peer.sock.close()
    assert house.stats.handshakes_evicted == 0


async def test_a_crowd_that_had_its_time_makes_room(open_house: Callable[..., House]) -> None:
    house = open_house(newcomers_max=10, newcomers_patience_ms=300)
    hanging = [await Peer.connect(house) for _ in range(10)]
    await eventually(lambda: house.audience.newcomers == 10)
    async with await Peer.join(house):
        assert house.stats.handshakes_evicted >= 1
    for peer in hanging:
        peer.sock.close()


async def test_over_viewers_max_an_upgrade_is_a_503_and_a_probe_is_still_served(
    open_house: Callable[..., House],
) -> None:
    house = open_house(viewers_max=2, retry_after_s=3)
    async with await Peer.join(house) as first, await Peer.join(house):
        async with await Peer.connect(house) as third:
            await third.send(request_bytes())
            status, headers = await third.response()
            assert (status, headers["Retry-After"]) == (503, "3")
        async with await Peer.connect(house) as probe:
            await probe.send(request_bytes("/livez", GET))
            assert (await probe.response())[0] == 200
        first.sock.close()
        await eventually(lambda: len(house.audience) == 1)
        async with await Peer.join(house):
            assert len(house.audience) == 2


async def test_near_the_limit_of_descriptors_upgrades_are_refused(
    open_house: Callable[..., House],
) -> None:
    with _descriptors_left(20):
        house = open_house(descriptors_share_max=0.2)
        async with await Peer.connect(house) as peer:
            await peer.send(request_bytes())
            assert (await peer.response())[0] == 503


async def test_out_of_descriptors_accepting_pauses_and_goes_on_without_spinning(
    open_house: Callable[..., House],
) -> None:
    house = open_house(sweep_ms=50)
    held: list[socket.socket] = []
    async with await Peer.join(house, "anna") as anna:
        waiting = socket.socket()
        waiting.setblocking(False)
        with _descriptors_left(20):
            try:
                while True:
                    held.append(socket.socket())
            except OSError:
                pass
            await asyncio.get_running_loop().sock_connect(waiting, ("127.0.0.1", house.port))
            await asyncio.sleep(0.25)
            assert 1 <= house.stats.accept_pauses <= 8
            house.say(b"still on")
            assert await anna.text() == b"still on"
            for sock in held:
                sock.close()
            async with Peer(waiting) as late:
                await late.send(request_bytes())
                assert (await late.response())[0] == 101


async def test_a_connection_is_set_up_to_be_prompt_and_to_end_when_its_peer_has_vanished(
    open_house: Callable[..., House],
) -> None:
    """Nothing here can make a peer vanish without a word, so the kernel is asked instead."""
    house = open_house(user_timeout_ms=7_000, keepalive_idle_s=11, send_buffer_bytes=20_000)
    async with await Peer.join(house, "anna"):
        with socket.socket(fileno=os.dup(house.viewers["anna"].fd)) as copy:
            assert copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_000
            assert copy.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 11
            assert copy.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 40_000
            assert not os.get_blocking(copy.fileno())


@contextmanager
def _descriptors_left(count: int) -> Iterator[None]:
    """Leave this process little more than what it has open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        highest = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _send(house: House, payload: bytes) -> None:
    for viewer in house.viewers.values():
        house.audience.send(viewer, text_frame(payload))


async def test_a_crowd_from_one_address_makes_room_among_its_own(
    open_house: Callable[..., House],
) -> None:
    house = open_house(newcomers_max=8, newcomers_share_max=0.5, newcomers_patience_ms=0)
    quiet = [await Peer.connect(house, source="127.0.0.2") for _ in range(3)]
    await eventually(lambda: house.audience.newcomers == 3)
    crowd = [await Peer.connect(house, source="127.0.0.3") for _ in range(20)]
    await eventually(lambda: house.stats.handshakes_evicted == 15)
    for peer in quiet:  # who was there first may still say what it wants
        await peer.send(request_bytes())
        assert (await peer.response())[0] == 101
    for peer in quiet + crowd:
        peer.sock.close()
    await eventually(lambda: not house.audience.newcomers)


async def test_bad_input_is_told_in_the_log_but_not_in_a_flood_of_lines(house: House) -> None:
    with capture_logs() as lines:
        for _ in range(LINES_BURST + 20):
            async with await Peer.connect(house) as peer:
                await peer.send(b"\x16\x03\x01 a TLS hello")
                assert (await peer.response())[0] == 400
    assert LINES_BURST <= len(lines) < LINES_BURST + 20
    assert lines[0] == {
        "event": "handshake.refused",
        "log_level": "warning",
        "peer": "127.0.0.1",
        "status": 400,
    }
    assert house.stats.handshakes[400] == LINES_BURST + 20


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b"\x81\x05plain", "viewer.broke_the_protocol"),
        (masked(b"x") * 200, "viewer.flooded"),
    ],
)
async def test_who_breaks_the_rules_is_named_in_the_log(
    data: bytes, event: str, house: House
) -> None:
    with capture_logs() as lines:
        async with await Peer.join(house, "mallory") as peer:
            await peer.send(data)
            await peer.closing()
    assert [(line["event"], line["viewer"]) for line in lines] == [(event, "mallory")]
