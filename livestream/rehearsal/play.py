"""The order of a rehearsal.

    a sandbox room and tickets -> people come -> the show runs -> they leave -> verdict -> wipe

Owns that order, and that the room goes whatever happened, unless it is to be kept. Refuses to know
who wants to see it (`tell`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from cart.money import format_minor
from livestream import commands
from livestream.audit import audit_room, evidence_beside
from livestream.demo.play import attended, invite, read_ledger
from livestream.demo.temper import gather, lead_s
from livestream.demo.verdict import settled_truth
from livestream.demo.witness import Witness
from livestream.redis_client import open_redis
from livestream.rehearsal.guests import Guest
from livestream.report import Report, report_room
from livestream.report.words import span
from livestream.show import Show
from livestream.show.rehearsal import (
    Figure,
    Outcome,
    Phase,
    Plan,
    Step,
    Told,
    rehearsal_title,
)
from livestream.show.runner import Call, Desk, Played, ShowStoppedError, call_of, run_show

LOOK_EVERY_S: Final = 0.5
#: After the end, beyond the time that the last orders may take: a late payment, a look, a goodbye.
LEAVE_WITHIN_S: Final = 15.0
#: Money that came too late goes back within moments. A deposit whose balance is due in spring is
#: waited for no longer than this.
SETTLE_WITHIN_S: Final = 4.0
WIPE_WITHIN_S: Final = 20.0

Tell = Callable[[Told], None]


async def rehearse(plan: Plan, show: Show, tell: Tell) -> Outcome:
    """Play `show`, of which `plan` has the text, to its end; what came of it. `tell` hears of every
    step. Cancelled, it wipes and ends.

    Raises:
        ShowStoppedError: the control API does not answer, or refuses.
        redis.exceptions.RedisError: the auditor cannot read the log.
    """
    quick = replace(show.faster(plan.speed), title=rehearsal_title(show.title))
    async with Desk(plan.control_url, plan.token) as desk:
        made = await desk.call(call_of(plan.room, commands.RoomCreate(quick.title, sandbox=True)))
        if made.problem is not None:
            raise ShowStoppedError(made.problem)
        try:
            played = await _play(plan, quick, desk, tell)
            tell(Step("judging"))
            outcome = await _judge(plan, played)
        finally:
            if not plan.keep:
                tell(Step("wiping"))
                await _wipe(desk, plan.room)
        return outcome


async def _play(plan: Plan, quick: Show, desk: Desk, tell: Tell) -> list[Played]:
    witness = Witness()
    crowd = gather(quick, plan.viewers, plan.seed, buyers=plan.buyers, pace=plan.speed)
    tell(Step("gathering", duration_ms=quick.duration_ms))
    guests = await invite(desk, plan.room, crowd, witness, Guest)
    starts_s = time.monotonic() + lead_s(plan.viewers)
    phase: Phase = "gathering"

    def step(cue: str = "", paid: int = 0) -> None:
        at_ms = round((time.monotonic() - starts_s) * 1_000)
        tell(Step(phase, at_ms, quick.duration_ms, witness.here, paid, cue))

    async def look() -> None:
        while True:
            ledger = await read_ledger(desk, plan.room)
            step(paid=0 if ledger is None else ledger["orders"]["paid"])
            await asyncio.sleep(LOOK_EVERY_S)

    async with attended(guests, starts_s, look()) as visits:
        phase = "playing"
        played = await run_show(
            quick,
            plan.control_url,
            plan.token,
            plan.room,
            on_cue=lambda done: step(cue=str(done)),
            sandbox=True,
        )
        phase = "leaving"
        await _let_leave(visits, quick)
    return played


async def _let_leave(visits: Sequence[asyncio.Task[None]], quick: Show) -> None:
    """Everybody has what they bought settled, and goes. A show without an end is over by now."""
    if not any(isinstance(cue.command, commands.RoomEnd) for cue in quick.cues):
        return
    longest_ms = max((terms.pay_ttl_ms for terms in quick.drops), default=0)
    await asyncio.wait(visits, timeout=LEAVE_WITHIN_S + longest_ms / 1_000)


async def _judge(plan: Plan, played: Sequence[Played]) -> Outcome:
    redis = open_redis(plan.redis_url)
    try:
        await settled_truth(redis, plan.room, SETTLE_WITHIN_S)
        audit = await audit_room(redis, plan.room, await evidence_beside(redis, plan.room))
        report = await report_room(redis, plan.room)
    finally:
        await redis.aclose()
    not_done = [str(step) for step in played if step.problem is not None]
    figures = [Figure(name, value) for name, value in _figures(report)]
    return Outcome(audit.clean, audit.to_text(), figures, not_done, wiped=not plan.keep)


def _figures(report: Report) -> list[tuple[str, str]]:
    """The main figures of the report."""
    orders = ", ".join(f"{count:,} {status}" for status, count in report.orders.items() if count)
    figures = [("orders", orders or "none")]
    for row in report.gmv:
        net = format_minor(row.net_minor, row.currency)
        figures.append(("GMV net", f"{net}, {row.units_sold:,} units"))
    if report.audience is not None:
        figures.append(("viewers", f"{report.audience.peak:,} at once"))
    funnel = report.funnel
    figures.append(
        ("had a unit, ordered, paid", f"{funnel.cart:,}, {funnel.checkout:,}, {funnel.paid:,}")
    )
    for drop in report.drops:
        after = drop.sold_out_after_ms
        sold = f"{drop.sold:,} of {drop.supply:,}"
        figures.append((drop.title, sold if after is None else f"{sold}, gone in {span(after)}"))
        for perk in drop.perks:
            given = f"{len(perk.winners):,} of {perk.first_n:,}"
            figures.append((f"{drop.title}: {perk.name}", given))
    return figures


async def _wipe(desk: Desk, room: str) -> None:
    """Also on the way out of a cancellation: it is asked for, and its answer is waited for."""
    wiping = asyncio.create_task(desk.call(Call("DELETE", f"/rooms/{room}", {})))
    try:
        async with asyncio.timeout(WIPE_WITHIN_S):
            answer = await asyncio.shield(wiping)
    except TimeoutError:
        raise ShowStoppedError(f"the control API did not wipe {room} in time") from None
    if answer.problem is not None and answer.status != 404:
        raise ShowStoppedError(f"{room} was not wiped: {answer.problem}")
