"""A gateway's worth of shoppers in a process of its own, for the counter's benchmark.

Owns a closed loop: `in_flight` shoppers, each of whom says the next thing when the answer to the
last one is there, and is followed by the next shopper. Commands travel as a gateway's do: collected
while the last entry is on its way to Redis, then put into the inbox as one. Refuses to know the
engine beyond its inbox and its replies.

An answer counts when it is heard, and it is heard when its record is durable. With a pace the loop
is open: so many visitors come in a second whatever the answers do, and who finds no place free has
waited since the time at which it came.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from multiprocessing.connection import Connection

import msgspec
import uvloop
from msgspec import Struct

from livestream import keys, tether
from livestream.commands import Command, Envelope
from livestream.inbox import Inbox, subscribe
from livestream.messages import CartAdd, Checkout, OrderPay
from livestream.redis_client import open_redis

SKU = "santos"
#: Commands of one inbox entry.
BATCH_MAX = 500
#: An answer that takes longer is lost, and the benchmark with it.
ANSWER_TIMEOUT_S = 30.0
#: With a pace, how often the door is looked after; it is the error of every latency.
DOOR_EVERY_S = 0.001
CHANNELS = ("tmall", "wechat", "xiaohongshu")


class Samples(Struct):
    """What one process heard: decisions acknowledged within `elapsed_s` and in all, and how long
    each answer took.
    """

    in_time: int = 0
    in_all: int = 0
    elapsed_s: float = 0.0
    latencies_ms: list[float] = []


class Result(Struct, frozen=True):
    """Of a reply, what a shopper needs for the next step."""

    order_id: str = ""


class Reply(Struct):
    """An answer, as far as a shopper reads it."""

    ok: bool
    result: Result = Result()


class Push(Struct):
    """A frame that nobody asked for."""

    type: str


#: What a shopper says next, or None: waits to hear that the order is paid.
Visit = Generator[Command | None, Reply | None, None]


class Shopper:
    """One of the places in the loop, taken by one viewer after the other."""

    __slots__ = ("channel", "conn", "sent_s", "viewer", "visit")

    def __init__(self, conn: int) -> None:
        self.conn = conn
        self.channel = CHANNELS[conn % len(CHANNELS)]
        self.viewer = ""
        self.visit: Visit
        self.sent_s = 0.0


class Shoppers:
    """The loop. `index` tells the processes of one run apart, `first` its runs in one room."""

    def __init__(self, url: str, room: str, index: int, in_flight: int) -> None:
        self._redis = open_redis(url)
        self._room = room
        self._name = f"g-bench{index}"
        self._inbox = Inbox(self._redis, self._name)
        self._replies = msgspec.json.Decoder(list[tuple[int, Reply]])
        self._pushes = msgspec.json.Decoder(list[tuple[str, Push]])
        self._places = [Shopper(conn) for conn in range(1, in_flight + 1)]
        self._by_viewer: dict[str, Shopper] = {}
        self._outgoing: list[Envelope] = []
        self._wake = asyncio.Event()
        self._done = asyncio.Event()
        self._shopping = 0
        self._visitors = 0
        self._kind = "place"
        self._deadline_s = 0.0
        self._samples = Samples()
        #: Orders that wait to be paid, as (viewer, order_id).
        self._placed: list[tuple[str, str]] = []
        #: With a pace: places that nobody has taken, and when the next visitor comes.
        self._free: list[Shopper] = []
        self._every_s = 0.0
        self._next_s = 0.0

    async def start(self) -> None:
        """Listen for answers, and be ready to send."""
        ready = asyncio.Event()
        self._tasks = [asyncio.create_task(self._hear(ready)), asyncio.create_task(self._send())]
        await asyncio.wait_for(ready.wait(), ANSWER_TIMEOUT_S)

    async def close(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    async def run(self, kind: str, seconds: float, visitors_per_s: float = 0.0) -> Samples:
        """Shop for `seconds`, then wait until everybody who came has all answers. Without
        `visitors_per_s` the next visitor comes when the last one has left.

        `kind` is "place" (a cart.add and a checkout each) or "pay" (an order.pay and the approval
        that follows, for orders placed before; ends early when there are none left).
        """
        self._kind, self._samples = kind, Samples()
        started_s = time.perf_counter()
        self._deadline_s = started_s + seconds
        self._done.clear()
        self._shopping = len(self._places)
        self._free.clear()
        self._every_s, self._next_s = (1 / visitors_per_s if visitors_per_s else 0.0), started_s
        for shopper in self._places:
            self._welcome(shopper)
        self._wake.set()
        door = asyncio.create_task(self._open_door())
        watch = [asyncio.create_task(self._done.wait()), *self._tasks]
        done, _ = await asyncio.wait(
            watch, timeout=seconds + ANSWER_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
        )
        door.cancel()
        if watch[0] not in done:
            watch[0].cancel()
            for task in done:
                task.result()
            raise TimeoutError(f"{self._shopping} shoppers still wait for an answer")
        self._samples.elapsed_s = min(seconds, time.perf_counter() - started_s)
        return self._samples

    # -- visits

    def _placing(self, number: int) -> Visit:
        yield CartAdd(f"a{number}", SKU)
        reply = yield Checkout(f"c{number}", f"co{number}")
        assert reply is not None
        self._placed.append((f"{self._name}.{number}", reply.result.order_id))

    def _paying(self, order_id: str) -> Visit:
        yield OrderPay(f"p-{order_id}", order_id, "tok_approve")
        yield None

    async def _open_door(self) -> None:
        """Let visitors in at their pace, and everybody go when the time is up."""
        while self._every_s:
            await asyncio.sleep(DOOR_EVERY_S)
            waiting, self._free = self._free, []
            for shopper in waiting:
                self._welcome(shopper)
            self._wake.set()

    def _welcome(self, shopper: Shopper) -> None:
        """The next viewer takes this place, unless the time is up or it is nobody's time yet."""
        now_s = came_s = time.perf_counter()
        if now_s >= self._deadline_s or (self._kind == "pay" and not self._placed):
            self._shopping -= 1
            if not self._shopping:
                self._done.set()
            return
        if self._every_s:
            if self._next_s > now_s:
                self._free.append(shopper)
                return
            came_s = self._next_s
            self._next_s += self._every_s
        if self._kind == "place":
            self._visitors += 1
            shopper.viewer = f"{self._name}.{self._visitors}"
            shopper.visit = self._placing(self._visitors)
        else:
            shopper.viewer, order_id = self._placed.pop()
            shopper.visit = self._paying(order_id)
            self._by_viewer[shopper.viewer] = shopper
        self._go_on(shopper, None, came_s)

    def _go_on(self, shopper: Shopper, reply: Reply | None, now_s: float) -> None:
        try:
            command = shopper.visit.send(reply)
        except StopIteration:
            self._by_viewer.pop(shopper.viewer, None)
            self._welcome(shopper)
            return
        shopper.sent_s = now_s
        if command is not None:
            self._outgoing.append(Envelope(shopper.conn, shopper.viewer, shopper.channel, command))

    # -- the wire

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._outgoing:
                batch = self._outgoing[:BATCH_MAX]
                del self._outgoing[:BATCH_MAX]
                await self._inbox.put(self._room, batch)

    async def _hear(self, ready: asyncio.Event) -> None:
        replies = keys.replies(self._name)
        async for heard in subscribe(self._redis, replies, keys.private(self._room)):
            if heard is None:
                ready.set()
                continue
            channel, payload = heard
            now_s = time.perf_counter()
            if channel == replies:
                for conn, reply in self._replies.decode(payload):
                    if not reply.ok:
                        raise RuntimeError(f"a shopper was refused: {payload[:500]!r}")
                    self._answered(self._places[conn - 1], reply, now_s)
            else:
                for viewer, push in self._pushes.decode(payload):
                    if push.type == "order.paid" and viewer in self._by_viewer:
                        self._answered(self._by_viewer[viewer], None, now_s)
            self._wake.set()

    def _answered(self, shopper: Shopper, reply: Reply | None, now_s: float) -> None:
        self._samples.latencies_ms.append((now_s - shopper.sent_s) * 1_000)
        self._samples.in_all += 1
        self._samples.in_time += now_s <= self._deadline_s
        self._go_on(shopper, reply, now_s)


def work(control: Connection, url: str, room: str, index: int, in_flight: int, pid: int) -> None:
    """The process: takes (kind, seconds) from `control`, answers with Samples, ends with None."""
    tether.die_with_parent(pid)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def begin() -> Shoppers:
            shoppers = Shoppers(url, room, index, in_flight)
            await shoppers.start()
            return shoppers

        shoppers = runner.run(begin())
        control.send("ready")
        while (task := control.recv()) is not None:
            control.send(runner.run(shoppers.run(*task)))
        runner.run(shoppers.close())
