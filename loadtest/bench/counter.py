"""How many decisions the counter makes durable in a second, beside the usual design.

    python -m loadtest.bench.counter [--seconds 3] [--rounds 3] [--clients 2] [--in-flight 800]

Then the same at half of that load, in an open loop: visitors come at their own pace.

A real engine, a private Redis with AOF `always`, and shoppers in processes of their own, all on
this machine. Ours and the peer (one EVALSHA for each request, through redis-py) take turns on the
same Redis, so that what else the machine does hits both alike; figures are medians of rounds.

Writes var/bench/counter.json.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from msgspec import Struct

from cart.bounds import SUPPLY_MAX
from cart.drop import DropTerms
from cart.perk import PerkTerms
from livestream import keys
from livestream.commands import DropOpen, DropSchedule, HostCommand, RoomCreate, RoomStart
from livestream.inbox import Asker
from livestream.journal import read_log
from livestream.redis_client import open_redis
from livestream.room import Room, RoomState, evolve
from loadtest.bench import evalsha, report, shoppers
from loadtest.bench.processes import SPAWN, Server, fresh_redis, running_engine, say
from loadtest.bench.report import Figure, Mark
from loadtest.bench.shoppers import SKU, Samples

ROOM = "bench"
WARM_UP_S = 1.0
DAY_MS = 86_400_000
MARK = Mark("least", 150_000)
PEER_MARK = Mark("least", 6)
HALF_LOAD_MARK = Mark("most", 10)
#: What our shoppers do in turn: each is two decisions for each order.
OURS = ("place", "pay")
DECISIONS_OF_A_VISIT = 2


class Round(Struct):
    """One turn of one side: what all its processes heard."""

    samples: list[Samples]
    engine_us: float = 0.0

    @property
    def per_s(self) -> float:
        """Decisions acknowledged in a second."""
        return sum(sample.in_time / sample.elapsed_s for sample in self.samples)

    @property
    def engine_us_each(self) -> float:
        """Engine CPU for one decision."""
        return self.engine_us / sum(sample.in_all for sample in self.samples)

    def latency_ms(self, percent: int) -> float:
        """The time from a command to its answer that so many percent stayed below."""
        all_ms = sorted(ms for sample in self.samples for ms in sample.latencies_ms)
        return all_ms[min(len(all_ms) - 1, len(all_ms) * percent // 100)]


class Crowd:
    """The client processes of one side."""

    def __init__(self, work: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
        self._controls: list[Connection] = []
        self._processes = []
        for given in arguments:
            ours, theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=work, args=(theirs, *given, os.getpid()))
            process.start()
            theirs.close()
            self._controls.append(ours)
            self._processes.append(process)
        for control in self._controls:
            control.recv()

    def run(self, task: Any) -> list[Samples]:
        """Have every process do `task` at the same time."""
        for control in self._controls:
            control.send(task)
        return [control.recv() for control in self._controls]

    def close(self) -> None:
        """End the processes."""
        for control in self._controls:
            with suppress(BrokenPipeError):  # its process failed, and has said how
                control.send(None)
        for process in self._processes:
            process.join(10)
            if process.is_alive():
                process.kill()


def terms(supply: int = SUPPLY_MAX, name: str = "drop", sku: str = SKU) -> DropTerms:
    """A drop whose holds do not expire while anybody measures."""
    return DropTerms(
        drop_id=name,
        sku=sku,
        title="Santos-Dumont",
        supply=supply,
        price_minor=2_880_000,
        currency="CNY",
        hold_ttl_ms=DAY_MS,
        pay_ttl_ms=DAY_MS,
        perks=[PerkTerms("bellboy", "Bellboy delivery", 88)],
    )


def opening(supply: int = SUPPLY_MAX) -> list[HostCommand]:
    """What makes a room with one open drop; unless a supply is given it does not sell out."""
    return [RoomCreate("bench"), RoomStart(), DropSchedule(terms(supply)), DropOpen("drop")]


async def prepare(url: str, room: str, steps: Sequence[HostCommand]) -> None:
    """Have the engine do what the desk asks for a new room."""
    redis = open_redis(url)
    await redis.sadd(keys.ROOMS, room)
    await redis.publish(keys.ROOMS_CHANGED, room)
    asker = Asker(redis, "c-bench")
    await asker.start()
    for step in steps:
        reply = await asker.ask(room, "desk:bench", step, timeout_s=10)
        if not reply["ok"]:
            raise RuntimeError(f"the room could not be prepared: {reply}")
    await asker.close()
    await redis.aclose()


@contextmanager
def crowd(work: Callable[..., None], arguments: list[tuple[Any, ...]]) -> Iterator[Crowd]:
    """A Crowd for the length of a block."""
    people = Crowd(work, arguments)
    try:
        yield people
    finally:
        people.close()


def measure(
    directory: Path, seconds: float, rounds: int, clients: int, in_flight: int
) -> dict[str, list[Round]]:
    """Rounds of both sides: "place" and "pay" are ours, "half" is "place" at half of the load,
    "evalsha" is the peer's.
    """
    results: dict[str, list[Round]] = {"place": [], "pay": [], "evalsha": []}
    each = in_flight // clients
    with ExitStack() as stack:
        server = stack.enter_context(fresh_redis(directory))
        engine = stack.enter_context(running_engine(server.url))
        asyncio.run(prepare(server.url, ROOM, opening()))
        asyncio.run(_prepare_peer(server.url))
        ours = stack.enter_context(
            crowd(shoppers.work, [(server.url, ROOM, index, each) for index in range(clients)])
        )
        peer = stack.enter_context(
            crowd(evalsha.work, [(server.url, index, each) for index in range(clients)])
        )
        say("warming up")
        acknowledged = {kind: _acknowledged(ours.run((kind, WARM_UP_S))) for kind in OURS}
        peer.run(WARM_UP_S)
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}")
            for kind in OURS:
                results[kind].append(round_of(engine, ours, kind, seconds))
                acknowledged[kind] += _acknowledged(results[kind][-1].samples)
            results["evalsha"].append(Round(peer.run(seconds)))
        pace = statistics.median(r.per_s for r in results["place"]) / DECISIONS_OF_A_VISIT / 2
        say(f"half of that load: {pace:,.0f} visitors a second")
        results["half"] = [
            round_of(engine, ours, "place", seconds, pace / clients) for _ in range(rounds)
        ]
        acknowledged["place"] += sum(_acknowledged(r.samples) for r in results["half"])
        say("checking that the log has every order that was acknowledged")
        asyncio.run(_check(server.url, acknowledged))
    return results


def round_of(
    engine: Server, ours: Crowd, kind: str, seconds: float, visitors_per_s: float = 0.0
) -> Round:
    """One turn of ours, with the CPU that the engine took for it."""
    before_us = engine.cpu_us()
    samples = ours.run((kind, seconds, visitors_per_s))
    return Round(samples, engine.cpu_us() - before_us)


def _acknowledged(samples: list[Samples]) -> int:
    return sum(sample.in_all for sample in samples)


async def _check(url: str, acknowledged: dict[str, int]) -> None:
    """A fast counter that forgets would be no counter: every order acknowledged is in the log."""
    state = RoomState(ROOM)
    room = Room(state)
    redis = open_redis(url)
    async for _, record in read_log(redis, ROOM):
        for fact in record.facts:
            evolve(room, fact, record.at_ms)
    await redis.aclose()
    counted = {"place": 2 * state.books.orders_placed, "pay": 2 * state.books.orders_paid}
    if counted != acknowledged:
        raise RuntimeError(f"acknowledged {acknowledged}, but the log has {counted}")


async def _prepare_peer(url: str) -> None:
    redis = open_redis(url)
    await redis.set("{peer}:stock", SUPPLY_MAX)
    await redis.aclose()


def summary(results: dict[str, list[Round]]) -> dict[str, dict[str, float]]:
    """Medians of the rounds of each side."""
    return {
        kind: {
            "decisions_per_s": statistics.median(r.per_s for r in rounds),
            "engine_us_per_decision": statistics.median(r.engine_us_each for r in rounds),
            "p50_ms": statistics.median(r.latency_ms(50) for r in rounds),
            "p99_ms": statistics.median(r.latency_ms(99) for r in rounds),
        }
        for kind, rounds in results.items()
    }


def figures(document: dict[str, Any]) -> list[Figure]:
    """The document as lines of the table."""
    sides = document["sides"]
    peer = sides["evalsha"]
    lines = []
    for kind, what in (("place", "cart.add and checkout"), ("pay", "order.pay and approval")):
        side = sides[kind]
        lines += [
            Figure(
                f"{what}, durable",
                side["decisions_per_s"],
                "/s",
                peer["decisions_per_s"],
                "one EVALSHA each, redis-py",
                MARK,
            ),
            Figure(
                f"  answered within (p99), {document['in_flight']} in flight",
                side["p99_ms"],
                "ms",
                peer["p99_ms"],
                "one EVALSHA each",
            ),
            Figure(
                "  beside the peer",
                side["decisions_per_s"],
                "/s",
                peer["decisions_per_s"],
                "one EVALSHA each",
                PEER_MARK,
                "ratio",
            ),
            Figure("  engine CPU each", side["engine_us_per_decision"], "µs"),
        ]
    half = sides["half"]
    lines.append(
        Figure(
            f"answered within (p99) at half of that load, {half['decisions_per_s']:,.0f}/s",
            half["p99_ms"],
            "ms",
            sides["place"]["p99_ms"],
            "at all of it",
            HALF_LOAD_MARK,
        )
    )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round of each side")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=2, help="client processes of each side")
    parser.add_argument("--in-flight", type=int, default=800, help="commands under way at once")
    options = parser.parse_args()
    results = measure(
        report.DIRECTORY / "redis",
        options.seconds,
        options.rounds,
        options.clients,
        options.in_flight,
    )
    document = {
        "command": "python -m loadtest.bench.counter",
        "seconds": options.seconds,
        "rounds": options.rounds,
        "clients": options.clients,
        "in_flight": options.in_flight,
        "sides": summary(results),
        "per_s_of_rounds": {kind: [r.per_s for r in rounds] for kind, rounds in results.items()},
    }
    path = report.write("counter", document)
    print(report.table(figures(document)))
    say(f"written to {path}")


if __name__ == "__main__":
    main()
