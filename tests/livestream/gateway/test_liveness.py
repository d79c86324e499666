"""Who is still there: found without a ping for anybody who hears of the room anyway."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import Callable

from websockets.frames import Opcode

from livestream.gateway.lanes import Lane
from tests.livestream.gateway.house import House, Peer, eventually, masked

SO_ATTACH_FILTER = 26


async def test_a_silent_group_is_pinged_with_one_frame_and_its_pongs_are_nobody_s_business(
    open_house: Callable[..., House],
) -> None:
    house = open_house(ping_idle_ms=100)
    peers = [await Peer.join(house) for _ in range(3)]
    for peer in peers:
        assert await peer.frame() == (Opcode.PING, b"")
        await peer.send(masked(b"", Opcode.PONG))
    assert await peers[0].frame() == (Opcode.PING, b"")
    assert house.stats.pings <= 3
    assert not house.heard_messages
    for peer in peers:
        peer.sock.close()


async def test_where_a_pulse_flows_there_are_no_pings(open_house: Callable[..., House]) -> None:
    house = open_house(ping_idle_ms=500)
    quiet = house.audience.group("commerce only")
    async with await Peer.join(house, "anna") as anna, await Peer.join(house, "ben") as ben:
        house.audience.move(house.viewers["ben"], quiet)
        for number in range(20):
            house.say(b"pulse %d" % number, Lane.PULSE)
            assert await anna.frame() == (Opcode.TEXT, b"pulse %d" % number)
            await asyncio.sleep(0.05)
        assert await ben.frame() == (Opcode.PING, b"")
        assert house.stats.pings >= 1


async def test_a_group_of_nobody_is_not_pinged(open_house: Callable[..., House]) -> None:
    house = open_house(ping_idle_ms=20)
    await asyncio.sleep(0.2)
    assert house.stats.pings == 0


async def test_a_ping_reaches_one_who_is_behind_after_what_waits(
    open_house: Callable[..., House],
) -> None:
    house = open_house(ping_idle_ms=300, backlog_bytes_max=1024 * 1024)
    slow = await Peer.join(house, receive_buffer_bytes=4_096)
    said = 0
    while not house.audience.behind:
        house.say(b"x" * 30_000)
        said += 1
        await house.said()
    await eventually(lambda: house.stats.pings)
    for _ in range(said):
        assert await slow.frame() == (Opcode.TEXT, b"x" * 30_000)
    assert await slow.frame() == (Opcode.PING, b"")
    slow.sock.close()


async def test_who_vanished_without_a_word_is_found_by_what_the_room_says(
    open_house: Callable[..., House],
) -> None:
    house = open_house(user_timeout_ms=500)
    async with await Peer.join(house, "anna") as anna, await Peer.join(house, "bob") as bob:
        vanish(anna.sock)
        house.say(b"hello")
        assert await bob.text() == b"hello"
        await eventually(lambda: house.left_codes == [("anna", 1006)])
        house.say(b"still here?")
        assert await bob.text() == b"still here?"


def vanish(sock: socket.socket) -> None:
    """From now on nothing reaches this socket, so that nothing is acknowledged: as in a tunnel. A
    filter of one instruction drops every packet (socket(7), linux/filter.h).
    """
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # return 0 bytes
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
