"""Plays a show on a running server, with a crowd, and judges what happened.

    room and tickets over HTTP -> the crowd joins -> the show runs -> everybody leaves -> verdict

Owns that order. Refuses to know how the server is run (`house`) and how anything looks (`screen`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from livestream import commands
from livestream.audit import audit_room, evidence_beside
from livestream.demo.client import Client
from livestream.demo.result import DemoResult, gather_result
from livestream.demo.shopper import Shopper
from livestream.demo.temper import Temper, gather, lead_s, supply_of, wanted_of
from livestream.demo.verdict import compare, evidence, settled_truth
from livestream.demo.witness import Witness
from livestream.redis_client import open_redis
from livestream.show import Show
from livestream.show.runner import Call, Desk, Played, ShowStoppedError, call_of, run_show

Person = TypeVar("Person", bound=Shopper)

TICKETS_AT_ONCE = 16
LOOK_EVERY_S = 0.5
#: After the end, beyond the time that the last orders may take to be paid or to expire.
LEAVE_WITHIN_S = 25.0
#: Refunds of money that came too late are settled within moments; this is for a slow machine.
SETTLE_WITHIN_S = 10.0


class Options(Struct, frozen=True):
    """A demo: where the server is, who is at its desk, what is played and to whom.

    `control_url` is `http://…`; `redis_url` is for the auditor alone.
    """

    control_url: str
    redis_url: str
    token: str
    room: str
    show: Show
    viewers: int
    seed: int


class Progress(Struct, frozen=True):
    """How far it is: seconds into the show (below zero: before), and the desk's numbers."""

    at_s: float
    duration_s: float
    here: int
    ledger: dict[str, Any] | None


class Screen(Protocol):
    """Whoever wants to see it happen."""

    def cue(self, step: Played) -> None:
        """The host did something."""

    def progress(self, progress: Progress) -> None:
        """A moment later."""


async def play(options: Options, screen: Screen) -> DemoResult:
    """Play the show to its end and return what came of it.

    Raises:
        ShowStoppedError: the control API does not answer, or the room is another show's.
        redis.exceptions.RedisError: the auditor cannot read the log.
    """
    show, witness = options.show, Witness()
    crowd = gather(show, options.viewers, options.seed)
    async with Desk(options.control_url, options.token) as desk:
        answer = await desk.call(call_of(options.room, commands.RoomCreate(show.title)))
        if answer.problem is not None:
            raise ShowStoppedError(answer.problem)
        shoppers = await invite(desk, options.room, crowd, witness, Shopper)
        starts_s = time.monotonic() + lead_s(options.viewers)
        looks = _look(desk, options, witness, starts_s, screen)
        async with attended(shoppers, starts_s, looks) as visits:
            await run_show(
                show, options.control_url, options.token, options.room, on_cue=screen.cue
            )
            await _let_leave(visits, show, witness)
    return await _judge(options, crowd, witness)


async def invite(
    desk: Desk,
    room: str,
    crowd: Sequence[Temper],
    witness: Witness,
    person: Callable[[Temper, Client, Witness], Person],
) -> list[Person]:
    """A ticket for everybody, through the API; then each is a `person`."""
    few = asyncio.Semaphore(TICKETS_AT_ONCE)

    async def one(temper: Temper) -> Person:
        asked = {"viewer": temper.viewer, "channel": temper.channel, "name": temper.name}
        async with few:
            answer = await desk.call(Call("POST", f"/rooms/{room}/tickets", asked))
        if answer.problem is not None:
            raise ShowStoppedError(f"no ticket for {temper.viewer}: {answer.problem}")
        given = answer.body
        client = Client(temper.viewer, given["gateway_url"], given["ticket"], witness)
        return person(temper, client, witness)

    return list(await asyncio.gather(*map(one, crowd)))


@asynccontextmanager
async def attended(
    people: Sequence[Shopper], starts_s: float, looks: Coroutine[Any, Any, None]
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """From `starts_s` (monotonic) on, with everybody on their way since now: their visits. Who has
    not left at the end is sent home; `looks` goes on all the time.

    Raises:
        ShowStoppedError: the body did, by itself and not in a group, after everybody was sent home.
    """
    stopped: ShowStoppedError | None = None
    async with asyncio.TaskGroup() as tasks:
        visits = [tasks.create_task(person.attend(starts_s)) for person in people]
        looking = tasks.create_task(looks)
        await asyncio.sleep(starts_s - time.monotonic())
        try:
            yield visits
        except ShowStoppedError as error:
            stopped = error
        for task in (*visits, looking):
            task.cancel()
    if stopped is not None:
        raise stopped


async def read_ledger(desk: Desk, room: str) -> dict[str, Any] | None:
    """The desk's numbers, if there are any just now."""
    with suppress(ShowStoppedError):
        answer = await desk.call(Call("GET", f"/rooms/{room}/ledger", {}))
        return None if answer.problem else dict(answer.body)
    return None


async def _let_leave(visits: Sequence[asyncio.Task[None]], show: Show, witness: Witness) -> None:
    """Everybody has what they bought settled, and goes; whoever still waits then found a fault."""
    longest_ms = max((terms.pay_ttl_ms for terms in show.drops), default=0)
    _, staying = await asyncio.wait(visits, timeout=LEAVE_WITHIN_S + longest_ms / 1_000)
    if staying:
        witness.find(f"{len(staying)} viewers still waited for something when the demo ended")


async def _look(
    desk: Desk, options: Options, witness: Witness, starts_s: float, screen: Screen
) -> None:
    duration_s = options.show.duration_ms / 1_000
    while True:
        ledger = await read_ledger(desk, options.room)
        at_s = time.monotonic() - starts_s
        screen.progress(Progress(at_s, duration_s, witness.here, ledger))
        await asyncio.sleep(LOOK_EVERY_S)


async def _judge(options: Options, crowd: Sequence[Temper], witness: Witness) -> DemoResult:
    supply, wanted = supply_of(options.show), wanted_of(crowd)
    enough = {drop_id: wanted.get(drop_id, 0) > units for drop_id, units in supply.items()}
    redis = open_redis(options.redis_url)
    try:
        truth = await settled_truth(redis, options.room, SETTLE_WITHIN_S)
        told = evidence(witness, demand_exceeded=all(enough.values()))
        known = await evidence_beside(redis, options.room, told)
        audit = await audit_room(redis, options.room, known)
    finally:
        await redis.aclose()
    return gather_result(
        options.seed,
        options.viewers,
        witness,
        truth,
        wanted,
        enough,
        (audit.to_text(), audit.clean),
        compare(witness, truth, enough),
    )
