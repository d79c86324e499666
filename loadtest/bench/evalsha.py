"""The usual design, as a peer of the counter: one EVALSHA for each request, through redis-py.

Owns two small Lua scripts that do what a `cart.add` and a `checkout` do at the very least (the
viewer's limit, check and decrement, the hold; the order, the frozen price, an entry in a journal),
and a closed loop that calls them. Same Redis, same durability, same number of processes and of
requests in flight as `shoppers`.
"""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection

import uvloop
from redis import asyncio as aioredis

from livestream import tether
from loadtest.bench.shoppers import Samples

HOLD = """
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return {'err', 'limit_reached'} end
if tonumber(redis.call('GET', KEYS[1])) < 1 then return {'err', 'sold_out'} end
redis.call('DECR', KEYS[1])
redis.call('HSET', KEYS[2], ARGV[1], 1)
redis.call('HSET', KEYS[3],
  'viewer', ARGV[1], 'sku', ARGV[2], 'price_minor', ARGV[3], 'until', ARGV[4])
return {'ok', ARGV[3]}
"""
ORDER = """
local hold = redis.call('HMGET', KEYS[1], 'viewer', 'sku', 'price_minor')
if not hold[1] then return {'err', 'hold_expired'} end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[2], 'viewer', hold[1], 'sku', hold[2], 'total_minor', hold[3],
  'channel', ARGV[1], 'status', 'placed', 'until', ARGV[2])
redis.call('XADD', KEYS[3], '*', 'order', KEYS[2], 'viewer', hold[1], 'total_minor', hold[3])
return {'ok', hold[3]}
"""


class Requests:
    """The loop. One for each process."""

    def __init__(self, url: str, index: int, in_flight: int) -> None:
        # A connection for each request in flight: with fewer, some wait for seconds (a p99 of 2 s
        # with 64), and throughput is no better.
        pool = aioredis.ConnectionPool.from_url(url, max_connections=in_flight, protocol=2)
        self._redis = aioredis.Redis.from_pool(pool)
        self._name = f"p{index}"
        self._in_flight = in_flight
        self._visitors = 0
        self._deadline_s = 0.0
        self._samples = Samples()

    async def start(self) -> None:
        """Bring the scripts to Redis and open all connections, one after the other: hundreds at
        once can be more than its backlog takes.
        """
        pool = self._redis.connection_pool
        held = [await pool.get_connection() for _ in range(self._in_flight)]
        for connection in held:
            await pool.release(connection)
        self._hold = await self._redis.script_load(HOLD)
        self._order = await self._redis.script_load(ORDER)

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()

    async def run(self, seconds: float) -> Samples:
        """Place orders for `seconds`, then wait for the last answers."""
        self._samples = Samples()
        self._deadline_s = time.perf_counter() + seconds
        await asyncio.gather(*(self._shop() for _ in range(self._in_flight)))
        self._samples.elapsed_s = seconds
        return self._samples

    async def _shop(self) -> None:
        while time.perf_counter() < self._deadline_s:
            self._visitors += 1
            viewer = f"{self._name}.{self._visitors}"
            hold, order = f"{{peer}}:hold:{viewer}", f"{{peer}}:order:{viewer}"
            await self._ask(
                self._hold, ("{peer}:stock", "{peer}:taken", hold), (viewer, "s", 2_880_000, 1)
            )
            await self._ask(self._order, (hold, order, "{peer}:journal"), ("tmall", 1))

    async def _ask(self, script: str, names: tuple[str, ...], args: tuple[str | int, ...]) -> None:
        sent_s = time.perf_counter()
        answer = await self._redis.evalsha(script, len(names), *names, *map(str, args))
        now_s = time.perf_counter()
        if answer[0] != b"ok":
            raise RuntimeError(f"a request was refused: {answer}")
        self._samples.latencies_ms.append((now_s - sent_s) * 1_000)
        self._samples.in_all += 1
        self._samples.in_time += now_s <= self._deadline_s


def work(control: Connection, url: str, index: int, in_flight: int, pid: int) -> None:
    """The process: takes seconds from `control`, answers with Samples, ends with None."""
    tether.die_with_parent(pid)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def begin() -> Requests:
            requests = Requests(url, index, in_flight)
            await requests.start()
            return requests

        requests = runner.run(begin())
        control.send("ready")
        while (seconds := control.recv()) is not None:
            control.send(runner.run(requests.run(seconds)))
        runner.run(requests.close())
