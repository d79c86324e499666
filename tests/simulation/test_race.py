"""The race that this engine has no room for, shown to be real where there is room for it.

A counter that looks at the shelf, waits for an answer from somewhere (a database, a cache), and
only then takes the unit, sells the same unit to whoever looked meanwhile. First it is shown that
this does happen and that the auditor finds it; then that a guard around it, and the engine's own
way of deciding, sell exactly what there is. Without the first test the others would prove nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import cast

from cart import events
from cart.drop import DropTerms
from cart.fact import Fact
from cart.order import OrderLine
from cart.outcome import Refusal
from livestream import facts
from livestream.audit import Evidence, Verdict, audit_log
from livestream.facts import AnyFact, Record
from tests.livestream.stage import HOLD_TTL_MS, PRICE_MINOR, SANTOS, START_MS, Stage, ok

SUPPLY = 10
SHOPPERS = 50
DEMAND = Evidence(demand_exceeded=True)


class AwaitingCounter:
    """Looks, awaits, takes. `guard` is held around all three."""

    def __init__(self, guard: AbstractAsyncContextManager[None]) -> None:
        self._guard = guard
        self._available = SUPPLY
        self._sold = 0
        self.facts: list[Fact] = [
            facts.EpochStarted(1, "engine-1"),
            facts.RoomCreated("An evening in Paris"),
            facts.RoomStarted(),
            events.DropScheduled(DropTerms(SANTOS, SANTOS, "Santos", SUPPLY, PRICE_MINOR, "CNY")),
            events.DropOpened(SANTOS, "host"),
        ]

    async def buy(self, viewer: str) -> None:
        """One shopper's walk from the shelf to the till."""
        async with self._guard:
            if self._available < 1:
                return
            await asyncio.sleep(0)  # here a database answers, and others look at the shelf
            self._available -= 1
        self._sell(viewer)

    def _sell(self, viewer: str) -> None:
        self._sold += 1
        number = self._sold
        hold_id, order_id, payment_id = f"h{number}", f"o{number}", f"o{number}-p1"
        deadline_ms = START_MS + HOLD_TTL_MS
        line = OrderLine(hold_id, SANTOS, SANTOS, 1, PRICE_MINOR)
        self.facts += [
            events.HoldPlaced(
                hold_id, viewer, SANTOS, SANTOS, 1, PRICE_MINOR, "CNY", deadline_ms, "c"
            ),
            events.OrderPlaced(
                order_id, "co", viewer, "tmall", [line], PRICE_MINOR, "CNY", deadline_ms, {}
            ),
            events.PaymentStarted(payment_id, order_id, "tok", PRICE_MINOR, "CNY"),
            events.OrderPaid(order_id, payment_id, number),
        ]
        if self._available == 0 and number == SUPPLY:
            self.facts.append(events.DropSoldOut(SANTOS))

    async def rush(self) -> Verdict:
        """Everybody at once; what the auditor makes of the log."""
        await asyncio.gather(*(self.buy(f"viewer-{number}") for number in range(SHOPPERS)))
        record = Record(1, START_MS, "0-0", cast(list[AnyFact], self.facts))
        return audit_log([(len(self.facts), record)], "race", DEMAND)


async def test_without_a_guard_the_same_unit_is_sold_many_times_and_the_auditor_sees_it() -> None:
    verdict = await AwaitingCounter(nullcontext()).rush()
    assert verdict.books.drops[0].sold == SHOPPERS > SUPPLY
    assert verdict.broken() >= {1, 2}
    oversold = [found for found in verdict.findings if found.rule == 2]
    assert oversold[0].sentence == "drop santos is oversold: with hold h11 11 of 10 units are out"


async def test_with_a_guard_the_same_crowd_gets_exactly_what_there_is() -> None:
    verdict = await AwaitingCounter(asyncio.Lock()).rush()
    assert verdict.findings == []
    assert verdict.books.drops[0].sold == SUPPLY


async def test_the_engines_way_needs_no_guard_because_nothing_comes_between() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=SUPPLY)

    async def buy(viewer: str) -> None:
        await asyncio.sleep(0)
        answer = stage.add(viewer)
        await asyncio.sleep(0)
        if isinstance(answer, Refusal):
            return
        order_id = str(ok(stage.check_out(viewer))["order_id"])
        await asyncio.sleep(0)
        payment_id = stage.pay(viewer, order_id)
        await asyncio.sleep(0)
        ok(stage.approve(payment_id))

    await asyncio.gather(*(buy(f"viewer-{number}") for number in range(SHOPPERS)))
    verdict = audit_log(stage.log, "race", DEMAND)
    assert verdict.findings == []
    assert verdict.books.drops[0].sold == SUPPLY
