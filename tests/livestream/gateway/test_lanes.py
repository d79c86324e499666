"""Viewers who do not read: what each lane promises them, and what they may cost."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode

from livestream.arrivals import Arrival
from livestream.clock import now_ms
from livestream.gateway.frames import text_frame
from livestream.gateway.lanes import Backlog, Lane
from livestream.gateway.viewer import Viewer
from tests.livestream.gateway.house import House, Peer, close_payload, eventually, masked
from tests.properties import PROPERTY

SMALL_BUFFERS = {"send_buffer_bytes": 4_096, "backlog_bytes_max": 4_000}
RECEIVE_BUFFER_BYTES = 2_048


@pytest.fixture
async def slow(open_house: Callable[..., House]) -> AsyncIterator[tuple[House, Peer]]:
    """A house, and in it Sloth, who reads nothing and is behind."""
    house = open_house(**SMALL_BUFFERS)
    async with await Peer.join(house, "sloth", RECEIVE_BUFFER_BYTES) as peer:
        house.first_waiting = await fall_behind(house)  # type: ignore[attr-defined]
        yield house, peer


async def fall_behind(house: House, settle_s: float = 0.1) -> int:
    """Send Sloth frames of 1 KiB until both ends' buffers are full to stay; return how many.

    A full buffer gives way once more when the other end's delayed acknowledgement comes (40 ms).
    """
    number = 0
    while house.audience.behind == 0:
        while house.audience.behind == 0:
            assert house.audience.send(house.viewers["sloth"], large(number), Lane.COMMERCE)
            number += 1
        await asyncio.sleep(settle_s)
    return number


def large(number: int) -> bytes:
    return text_frame(f"{number:04}".encode() * 256)


async def test_commerce_and_private_wait_in_order_for_one_who_is_behind(
    slow: tuple[House, Peer],
) -> None:
    house, peer = slow
    viewer = house.viewers["sloth"]
    for payload, lane in [(b"a", Lane.COMMERCE), (b"b", Lane.PRIVATE), (b"c", Lane.COMMERCE)]:
        assert house.audience.send(viewer, text_frame(payload), lane)
    house.say(b"d")
    await house.said()
    sent = house.first_waiting  # type: ignore[attr-defined]
    heard = [await peer.text() for _ in range(sent + 4)]
    assert heard[-4:] == [b"a", b"b", b"c", b"d"]
    assert [text[:4] for text in heard[:-4]] == [f"{number:04}".encode() for number in range(sent)]
    await eventually(lambda: house.audience.behind == 0)
    house.say(b"prompt again")
    assert await peer.text() == b"prompt again"


async def test_an_announcement_waits_for_one_who_is_behind_and_is_told_when_it_is_read(
    slow: tuple[House, Peer],
) -> None:
    house, sloth = slow
    async with await Peer.join(house, "anna") as anna:
        assert house.group.behind == 1
        arrival = Arrival("drop.sold_out", 7, now_ms() - 400)
        house.say(b"sold out", arrival=arrival)
        assert await anna.text() == b"sold out"
        assert (arrival.addressed, arrival.reached, arrival.behind) == (2, 1, 1)
        for _ in range(house.first_waiting):  # type: ignore[attr-defined]
            await sloth.text()
        assert await sloth.text() == b"sold out"
        await eventually(lambda: arrival.behind == 0)
        assert (arrival.addressed, arrival.reached) == (2, 2)
        assert house.group.behind == 0


async def test_one_who_leaves_with_announcements_waiting_never_had_them(
    slow: tuple[House, Peer],
) -> None:
    house, _ = slow
    arrival = Arrival("drop.sold_out", 7, now_ms())
    house.say(b"sold out", arrival=arrival)
    await house.said()
    assert arrival.behind == 1
    house.audience.close_viewer(house.viewers["sloth"], 1001)
    assert (arrival.addressed, arrival.reached, arrival.behind) == (1, 0, 0)
    assert house.group.behind == 0


async def test_chat_is_skipped_and_of_pulses_the_latest_is_kept(slow: tuple[House, Peer]) -> None:
    house, peer = slow
    viewer = house.viewers["sloth"]
    assert not house.audience.send(viewer, text_frame(b"chat"), Lane.CHAT)
    for payload in (b"1 viewer", b"2 viewers"):
        assert house.audience.send(viewer, text_frame(payload), Lane.PULSE)
    house.say(b"more chat", Lane.CHAT)
    house.say(b"3 viewers", Lane.PULSE)
    house.say(b"sold out", Lane.COMMERCE)
    await house.said()
    heard = [await peer.text() for _ in range(house.first_waiting + 2)]  # type: ignore[attr-defined]
    assert heard[-2:] == [b"sold out", b"3 viewers"]
    assert house.stats.chat_skipped == 2
    assert house.stats.pulse_replaced == 2
    await eventually(lambda: house.audience.behind == 0)


async def test_over_its_byte_cap_a_viewer_is_closed_4008_and_nobody_else(
    slow: tuple[House, Peer],
) -> None:
    house, peer = slow
    async with await Peer.join(house, "anna") as anna:
        for number in range(5):
            house.say(b"%04d" % number * 250)
            assert await anna.text() == b"%04d" % number * 250
        await eventually(lambda: house.left_codes)
        assert house.left_codes == [("sloth", 4008)]
        assert house.stats.slow_evictions == 1
        assert house.audience.behind == 0
        assert await peer.closing() == (4008, "too slow")
        house.say(b"still on")
        assert await anna.text() == b"still on"


async def test_behind_for_too_long_is_too_slow(open_house: Callable[..., House]) -> None:
    house = open_house(**SMALL_BUFFERS, slow_ms_max=800, linger_ms_max=100)
    async with await Peer.join(house, "sloth", RECEIVE_BUFFER_BYTES):
        await fall_behind(house, settle_s=0.4)
        assert house.left_codes == []
        await eventually(lambda: house.left_codes == [("sloth", 4008)])


async def test_one_who_never_reads_costs_at_most_its_bounds(
    open_house: Callable[..., House],
) -> None:
    """Chat and pulse for ever: skipped and replaced, and not a byte more is kept."""
    house = open_house(**SMALL_BUFFERS)
    async with await Peer.join(house, "sloth", RECEIVE_BUFFER_BYTES):
        viewer = house.viewers["sloth"]
        for _ in range(500):
            house.audience.send(viewer, large(0), Lane.CHAT)
            house.audience.send(viewer, large(0), Lane.PULSE)
        assert viewer.backlog is not None
        assert viewer.backlog.bytes_waiting <= len(large(0))
        assert viewer.is_open


async def test_one_who_asks_and_never_reads_is_closed_not_served_for_ever(
    open_house: Callable[..., House],
) -> None:
    house = open_house(**SMALL_BUFFERS, frames_per_s=100_000, frames_burst=100_000)
    async with await Peer.join(house, "sloth", RECEIVE_BUFFER_BYTES) as peer:
        ping = masked(b"p" * 125, Opcode.PING)
        try:
            while not house.left_codes:
                await peer.send(ping * 20)
        except (BrokenPipeError, ConnectionResetError):
            await eventually(lambda: house.left_codes)
        assert house.left_codes == [("sloth", 4008)]


async def test_a_welcome_larger_than_the_cap_is_waited_for_and_what_follows_is_capped(
    open_house: Callable[..., House],
) -> None:
    house = open_house(**SMALL_BUFFERS)

    def welcome(viewer: Viewer) -> None:
        for number in range(40):
            assert house.audience.send(viewer, large(number), Lane.COMMERCE)

    house.welcome = welcome
    async with (
        await Peer.join(house, "anna", RECEIVE_BUFFER_BYTES) as anna,
        await Peer.join(house, "sloth", RECEIVE_BUFFER_BYTES),
    ):
        assert [(await anna.text())[:4] for _ in range(40)] == [b"%04d" % n for n in range(40)]
        assert house.viewers["sloth"].is_open
        for number in range(8):
            house.audience.send(house.viewers["sloth"], large(number), Lane.COMMERCE)
        await eventually(lambda: house.left_codes == [("sloth", 4008)])
        assert house.viewers["anna"].is_open


async def test_flooding_is_closed_4029(open_house: Callable[..., House]) -> None:
    house = open_house(frames_per_s=10, frames_burst=5)
    async with await Peer.join(house, "anna") as anna, await Peer.join(house, "bo") as bo:
        for _ in range(5):
            await anna.say(b"hello")
        await eventually(lambda: len(house.heard_messages) == 5)
        await anna.send(masked(b"", Opcode.PONG) * 2)
        assert await anna.closing() == (4029, "flooding")
        await bo.say(b"calm")
        await eventually(lambda: house.messages_of("bo"))
    assert len(house.messages_of("anna")) == 5


async def test_one_who_is_behind_may_say_goodbye_and_gets_all_that_waited(
    slow: tuple[House, Peer],
) -> None:
    house, peer = slow
    house.audience.send(house.viewers["sloth"], text_frame(b"the last"), Lane.PRIVATE)
    await peer.send(masked(close_payload(1000), Opcode.CLOSE))
    await eventually(lambda: house.left_codes == [("sloth", 1000)])
    heard = [await peer.text() for _ in range(house.first_waiting + 1)]  # type: ignore[attr-defined]
    assert heard[-1] == b"the last"
    assert await peer.closing() == (1000, "")


async def test_a_leaver_who_sends_for_ever_is_cut_off(open_house: Callable[..., House]) -> None:
    house = open_house(linger_ms_max=150)
    async with await Peer.join(house, "anna") as peer:
        house.audience.close_viewer(house.viewers["anna"], 4003)
        talking = asyncio.create_task(_talk_for_ever(peer))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await asyncio.wait_for(talking, 5)
    assert house.heard_messages == []


async def _talk_for_ever(peer: Peer) -> None:
    while True:
        await peer.send(masked(b"I am not done"))
        await asyncio.sleep(0.01)


@PROPERTY
@given(
    frames=st.lists(st.binary(min_size=1, max_size=3_000), max_size=30),
    pulse=st.none() | st.binary(min_size=1, max_size=100),
    reads=st.lists(st.integers(1, 5_000)),
)
def test_a_backlog_loses_nothing_however_little_the_socket_takes(
    frames: list[bytes], pulse: bytes | None, reads: list[int]
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        ours.setblocking(False)
        theirs.setblocking(False)
        backlog = Backlog(since_ms=0)
        for frame in frames:
            backlog.add(frame)
        backlog.pulse = pulse
        expected = b"".join(frames) + (pulse or b"")
        received = b""
        while len(received) < len(expected):
            waiting = backlog.bytes_waiting
            written = backlog.write_to(ours.fileno())
            assert written >= 0
            assert backlog.bytes_waiting <= waiting + len(pulse or b"")
            received += os.read(theirs.fileno(), reads.pop() if reads else 65_536)
        assert received == expected
        backlog.write_to(ours.fileno())
        assert backlog.empty
        assert backlog.bytes_waiting == 0
