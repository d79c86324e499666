"""Every instrument moves when what it tells of happens to a running house; and processes that are
killed leave no number behind that counts them as alive.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client.metrics import MetricWrapperBase
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

from cart.drop import DropTerms
from cart.personalisation import OptionTerms
from livestream import keys, wire
from livestream.clock import now_ms
from livestream.commands import Announce, CardPut, DropSchedule
from livestream.facts import EpochStarted, Record
from livestream.gateway.limits import AudienceLimits
from livestream.journal import read_log
from livestream.messages import Card
from metrics import catalog
from tests.integration.api import Api
from tests.integration.house import Served
from tests.integration.scraper import Scraper
from tests.integration.shoppers import Shopper
from tests.integration.world import Desk, World
from tests.livestream.courier.receiver import SECRET

GATEWAYS = ("gateway-1", "gateway-2")
#: What one card update weighs in a viewer's socket: 500 characters of 3 bytes, and the rest.
CARD_BYTES = 1_600
BACKLOG_BYTES_MAX = 256 * 1024
PINGED_WITHIN_S = 1.5 * AudienceLimits().ping_idle_ms / 1_000


@pytest.fixture
def served_here(free_dir: Path) -> Iterator[Served]:
    """A whole `serve` of this test's own, whose viewers may be far behind."""
    built = Served(
        free_dir,
        limit_backlog_bytes_max=BACKLOG_BYTES_MAX,
        snapshot_every_events=1,
        merchant_webhook_url="http://127.0.0.1:9/nobody-listens",
        merchant_webhook_secret=SECRET,
    )
    yield built
    built.close()


@pytest.fixture
async def world_here(served_here: Served, room: str) -> AsyncIterator[World]:
    """A room in `served_here`."""
    made = World(served_here, room)
    yield made
    await made.close()


def exposed_as(instrument: MetricWrapperBase) -> str:
    """The sample that shows that an instrument has moved."""
    suffix = {"counter": "_total", "histogram": "_count"}.get(str(instrument._type), "")
    return f"{instrument._name}{suffix}"


#: What cannot move in this house, and where a test sees it move.
ELSEWHERE = {
    "livestream_payment_news_total": "tests/integration/test_merchant.py",  # nobody pushes
    "livestream_webhooks_dead": "tests/livestream/courier/test_courier.py",  # after a day
}
INSTRUMENTS = [
    name
    for instrument in vars(catalog).values()
    if isinstance(instrument, MetricWrapperBase)
    and (name := exposed_as(instrument)) not in ELSEWHERE
]


@pytest.mark.long
async def test_every_instrument_moves_when_what_it_tells_of_happens(
    served_here: Served, world_here: World, rng: random.Random
) -> None:
    async with (
        world_here.desk() as desk,
        Scraper(served_here.control_url) as scraper,
        Api(served_here) as api,
        _silence(served_here),
    ):
        await _an_evening(world_here, desk, rng)
        await api.gets(f"/rooms/{world_here.room}/ledger")
        await _rude_callers(world_here)
        await _a_viewer_who_falls_behind(world_here, desk, scraper)
        await _a_frozen_engine(served_here, world_here, scraper)
        await _junk_in_the_inbox(world_here)
        await _another_owner(world_here, desk)
        await _connections_to_redis_cut(world_here)
        await _no_descriptors_left(served_here, scraper)
        assert await scraper.sees("livestream_pings_total", within_s=PINGED_WITHIN_S)
        unmoved = [name for name in INSTRUMENTS if not await scraper.sees(name, 1e-9, 3.0)]
        assert unmoved == []
        assert scraper.failures == []
        assert await scraper.sees("livestream_inbox_entries")
        assert await scraper.sees("livestream_command_seconds_count", within_s=1.0)
        results = {
            dict(pairs)["result"]
            for (name, pairs), value in scraper.latest.items()
            if name == "livestream_command_seconds_count" and value
        }
        assert results == catalog.COMMAND_RESULTS


# -- what happens --------------------------------------------------------------------------------


@asynccontextmanager
async def _silence(served: Served) -> AsyncIterator[None]:
    """A room where nothing happens, and somebody in it who wants commerce only."""
    quiet = World(served, "quiet")
    try:
        async with quiet.desk(), await _seat(quiet, "zoe") as zoe:
            await zoe.send('{"id":"1","type":"attention","level":"commerce"}')
            yield
    finally:
        await quiet.close()


async def _an_evening(world: World, desk: Desk, rng: random.Random) -> None:
    """Somebody buys in a drop that opens by the clock, talks, loses the connection and resumes."""
    opens_at_ms = now_ms() + 300
    options = [OptionTerms("engraving", "engraving", 8)]
    terms = DropTerms("bag", "bag", "Bag", 5, 100, "CNY", opens_at_ms, options=options)
    await desk.asks(DropSchedule(terms))
    async with world.line("ann") as ann:
        assert await ann.hears(lambda: any(f["type"] == "drop.opened" for f in ann.story), 5)
        assert await Shopper(ann, "tmall", rng).wants("bag")
        assert not (await ann.ask("cart.add", sku="nothing", quantity=1))["ok"]
        assert (await ann.ask("chat.send", text="so beautiful"))["ok"]
        assert (await ann.ask("like", count=3))["ok"]
        assert await ann.hears(lambda: bool(ann.chat and ann.pulses), 5)
        ann.hang_up()
        assert await ann.hears(lambda: ann.connections == 2, 5)
        await desk.asks(Announce("good night"))


def _socket_to(world: World, receive_buffer_bytes: int | None = None) -> socket.socket:
    address = urlsplit(world.house.gateway_urls()[0])
    sock = socket.socket()
    if receive_buffer_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    sock.connect((address.hostname, address.port))
    return sock


async def _seat(world: World, viewer: str, sock: socket.socket | None = None) -> ClientConnection:
    url = f"{world.house.gateway_urls()[0]}/live/{world.room}?ticket={world.ticket(viewer)}"
    return await connect(url, sock=sock, compression=None, ping_interval=None, close_timeout=0.1)


async def _rude_callers(world: World) -> None:
    """One hangs up at the door, one has no ticket, one does not mask its frames."""
    _socket_to(world).close()
    url = f"{world.house.gateway_urls()[0]}/live/{world.room}"
    with pytest.raises(InvalidStatus, match="401"):
        await connect(f"{url}?ticket=none")
    rude = await _seat(world, "rude")
    rude.transport.write(Frame(Opcode.TEXT, b"{}").serialize(mask=False))
    await rude.wait_closed()


async def _a_viewer_who_falls_behind(world: World, desk: Desk, scraper: Scraper) -> None:
    """Somebody on a bad network: chat goes by, pulses are replaced, commerce waits, until it is too
    much.
    """
    slow = await _seat(world, "slow", _socket_to(world, receive_buffer_bytes=4_096))
    slow.transport.pause_reading()
    while not scraper.total("livestream_connections_behind"):
        await _change_the_card(desk, 60)
        await asyncio.sleep(1.1)  # gateways copy their counts once a second
    async with world.line("ben") as ben:
        for number in range(3):
            assert (await ben.ask("chat.send", text=f"line {number}"))["ok"]
            await asyncio.sleep(1.0)
    await _change_the_card(desk, BACKLOG_BYTES_MAX // CARD_BYTES + 10)
    assert await scraper.sees("livestream_slow_evictions_total")
    slow.transport.abort()


async def _change_the_card(desk: Desk, times: int) -> None:
    for number in range(times):
        text = "表" * 500
        await desk.asks(CardPut(Card("card", f"Card {number}", description=text)))


async def _a_frozen_engine(served: Served, world: World, scraper: Scraper) -> None:
    """The engine stands still for longer than a gateway waits for an answer."""
    async with world.line("eve") as eve:
        os.kill(served.pid_of("engine"), signal.SIGSTOP)
        try:
            asked = asyncio.create_task(eve.ask("cart.show"))
            assert await scraper.sees("livestream_commands_in_flight")
            while not _unanswered(scraper):
                await scraper.scrape_again()
        finally:
            os.kill(served.pid_of("engine"), signal.SIGCONT)
        assert (await asked)["ok"]


def _unanswered(scraper: Scraper) -> float:
    return scraper.total("livestream_command_seconds_count", result="unanswered")


async def _junk_in_the_inbox(world: World) -> None:
    await world.redis.xadd(keys.inbox(world.room), {b"s": "g-of-tomorrow", b"b": b"?"})


async def _another_owner(world: World, desk: Desk) -> None:
    """Another engine writes into the log: this one is refused, and takes the room again."""
    records = [item async for item in read_log(world.redis, world.room)]
    seq, last = records[-1]
    other = Record(last.epoch + 1, now_ms(), last.cursor, [EpochStarted(last.epoch + 1, "e-other")])
    entry: dict[Any, Any] = {b"r": wire.encode_record(other)}
    await world.redis.xadd(keys.log(world.room), entry, id=f"{seq + 1}-0")
    await desk.asks(Announce("who is there?"))


async def _connections_to_redis_cut(world: World) -> None:
    await world.redis.client_kill_filter(_type="normal", skipme=True)


async def _no_descriptors_left(served: Served, scraper: Scraper) -> None:
    """A gateway may open no more files than it has, and somebody knocks."""
    pids = [served.pid_of(role) for role in GATEWAYS]
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), hard))
    world = World(served, "any")
    knocking = [_socket_to(world) for _ in range(20)]
    try:
        assert await scraper.sees("livestream_accept_pauses_total")
    finally:
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
        for sock in knocking:
            sock.close()
        await world.close()


# -- who is killed ---------------------------------------------------------------------------------

VIEWERS = 40


async def test_a_killed_gateway_s_viewers_count_no_more_and_no_scrape_fails(
    served_here: Served, world_here: World
) -> None:
    async with (
        world_here.desk(),
        Scraper(served_here.control_url) as scraper,
        AsyncExitStack() as hall,
    ):
        seats = [await _seat(world_here, f"v{number}") for number in range(VIEWERS)]
        for seat in seats:
            hall.push_async_callback(seat.close)
        assert await scraper.sees("livestream_connections", VIEWERS)
        sent = scraper.total("livestream_frames_sent_total")
        for role in GATEWAYS:
            os.kill(served_here.pid_of(role), signal.SIGKILL)
            gone = await asyncio.gather(*map(_is_lost, seats))
            lost = [seat for seat, is_gone in zip(seats, gone, strict=True) if is_gone]
            assert lost, "both gateways had viewers"
            seats = [seat for seat in seats if seat not in lost]
            async with asyncio.timeout(20):
                while scraper.total("livestream_connections") != len(seats):
                    await scraper.scrape_again()
        assert not seats
        assert scraper.total("livestream_frames_sent_total") >= sent, "what was counted stays"
        assert scraper.failures == []


async def _is_lost(seat: ClientConnection) -> bool:
    try:
        async with asyncio.timeout(1):
            await seat.wait_closed()
    except TimeoutError:
        return False
    return True


async def test_a_killed_engine_owns_nothing_and_its_successor_is_told(
    served_here: Served, world_here: World
) -> None:
    room = world_here.room
    async with world_here.desk() as desk, Scraper(served_here.control_url) as scraper:
        assert await scraper.sees("livestream_room_owned")
        epoch = scraper.highest["livestream_room_epoch"]
        os.kill(served_here.pid_of("engine"), signal.SIGKILL)
        assert await scraper.sees("livestream_room_epoch", epoch + 1)
        await desk.asks(Announce("on we go"))
        await scraper.scrape_again()
        assert scraper.total("livestream_room_owned", room=room) == 1
        assert scraper.highest["livestream_room_owned"] == 1, "never two owners"
        assert scraper.failures == []
