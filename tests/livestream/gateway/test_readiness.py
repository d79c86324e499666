"""The audience where there is no epoll, as on a developer's Mac: everything still happens."""

import asyncio
import select
from collections.abc import Callable

import pytest

from livestream.gateway.door import HttpReply
from livestream.gateway.frames import text_frame
from livestream.gateway.lanes import Lane
from livestream.gateway.readiness import LoopWatch, readiness
from tests.livestream.gateway.house import House, Peer, eventually, masked, request_bytes


@pytest.fixture
async def house_without_epoll(
    monkeypatch: pytest.MonkeyPatch, open_house: Callable[..., House]
) -> House:
    monkeypatch.delattr(select, "epoll")
    assert isinstance(readiness(asyncio.get_running_loop(), print), LoopWatch)
    return open_house()


async def test_viewers_come_speak_hear_and_go(house_without_epoll: House) -> None:
    house = house_without_epoll
    peers = [await Peer.join(house, f"viewer-{number}") for number in range(20)]
    for peer in peers:
        await peer.send(masked(b"hello"))
    await eventually(lambda: len(house.heard_messages) == 20)
    for number in range(3):
        house.audience.broadcast(house.group, text_frame(b"%d" % number), Lane.COMMERCE)
    for peer in peers:
        assert [await peer.text() for _ in range(3)] == [b"0", b"1", b"2"]
    for peer in peers[:10]:
        peer.sock.close()
    await eventually(lambda: len(house.audience) == 10)
    again = [await Peer.join(house, f"another-{number}") for number in range(10)]
    await house.audience.drain(1012, lambda: "soon", over_ms=10)
    for peer in (*peers[10:], *again):
        peer.sock.close()
    assert len(house.audience) == 0


async def test_who_is_behind_gets_the_rest_as_the_socket_takes_it(
    house_without_epoll: House,
) -> None:
    house = house_without_epoll
    async with await Peer.join(house, "anna") as peer:
        sent = 0
        while not house.audience.behind:
            house.audience.send(house.viewers["anna"], text_frame(b"x" * 8_000), Lane.PRIVATE)
            sent += 1
        for _ in range(sent):
            assert await peer.text() == b"x" * 8_000
        await eventually(lambda: not house.audience.behind)


async def test_plain_http_is_answered_and_a_slow_answer_waited_for(
    house_without_epoll: House,
) -> None:
    house = house_without_epoll
    async with await Peer.connect(house) as peer:
        await peer.send(request_bytes("/slow", "Host: here\r\n"))
        await asyncio.sleep(0.05)
        house.promised.set_result(HttpReply(200, b"at last"))
        assert b"at last" in await peer.rest()
