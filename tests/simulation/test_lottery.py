"""Hypothesis plays lotteries: entries in and out of the window, hosts, time, engines that die.

After each step the auditor must have found nothing, and the seed must be nowhere but in the log and
the engine's own state until the draw. Whoever has a unit stands among the first of the draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cart import drawing, folds, rest
from cart.counter import Counter
from cart.drop import Drop, DropStatus
from cart.events import DropOpened, DropSoldOut, HoldPlaced, LotteryDrawn
from cart.fact import Fact
from cart.folds import lottery as lottery_folds
from cart.lottery import LotteryTerms, commitment_to, in_order_of_the_draw
from cart.order import OrderStatus
from cart.outcome import Refusal
from livestream import commands, wire
from livestream.audit import Auditor
from livestream.room import RoomState
from livestream.storefront import Storefront
from tests.livestream.stage import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, START_MS, Stage, ok
from tests.properties import assert_finds_what_is_planted, stories

VIEWERS = st.sampled_from(["wang", "li", "zhao", "wu", "sun"])
SPANS_MS = st.sampled_from([0, 1_000, 30_000, 60_000, HOLD_TTL_MS, PAY_TTL_MS])


class LotteryMachine(RuleBasedStateMachine):
    """A room with one lottery of few units; what is left of it may be sold to anybody."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage("lottery")
        self.auditor = Auditor("lottery")
        self.audited = 0
        self.seed = ""

    @property
    def drop(self) -> Drop:
        return self.stage.room.state.books.drops[SANTOS]

    @initialize(supply=st.integers(1, 3), seed=st.binary(min_size=32, max_size=32))
    def begin(self, supply: int, seed: bytes) -> None:
        self.seed = seed.hex()
        self.stage.begin()
        terms = LotteryTerms(START_MS + 60_000, START_MS + 180_000, commitment_to(self.seed))
        ok(self.stage.schedule(supply=supply, lottery=terms, seed=self.seed))

    @rule(viewer=VIEWERS)
    def enter(self, viewer: str) -> None:
        first = self.stage.enter(viewer)
        assert self.stage.enter(viewer) == first, "entering again changes nothing"

    @precondition(lambda self: self.drop.status is DropStatus.SCHEDULED)
    @rule(viewers=st.lists(VIEWERS, unique=True, min_size=3))
    def many_enter_and_it_is_drawn(self, viewers: list[str]) -> None:
        self.stage.wait(max(0, START_MS + 60_000 - self.stage.now_ms))
        for viewer in viewers:
            self.stage.enter(viewer)
        self.stage.wait(max(0, START_MS + 180_000 - self.stage.now_ms))

    @rule(viewer=VIEWERS, how=st.sampled_from(["add", "join", "leave"]))
    def go_round_it(self, viewer: str, how: str) -> None:
        getattr(self.stage, how)(viewer)

    @rule(viewer=VIEWERS, pay=st.booleans())
    def buy(self, viewer: str, pay: bool) -> None:
        placed = self.stage.check_out(viewer)
        if pay and isinstance(placed, dict):
            self.stage.approve(self.stage.pay(viewer, placed["order_id"]))

    @precondition(lambda self: self.stage.room.state.books.holds)
    @rule()
    def all_offers_are_taken(self) -> None:
        """So that it does sell out."""
        holds = self.stage.room.state.books.holds.values()
        for viewer in sorted({hold.viewer for hold in holds if not hold.order_id}):
            self.buy(viewer, pay=True)

    @rule(command=st.sampled_from([commands.DropOpen, commands.DropPause]))
    def press(self, command: Any) -> None:
        self.stage.desk(command(SANTOS))

    @rule(ms=SPANS_MS)
    def wait(self, ms: int) -> None:
        self.stage.wait(ms)

    @precondition(lambda self: self.paid())
    @rule(data=st.data(), restock=st.booleans())
    def refund(self, data: st.DataObject, restock: bool) -> None:
        order_id = data.draw(st.sampled_from(self.paid()))
        self.stage.desk(commands.OrderRefund(order_id, restock))

    def paid(self) -> list[str]:
        orders = self.stage.room.state.books.orders.values()
        return [order.order_id for order in orders if order.status is OrderStatus.PAID]

    @rule()
    def open_the_rest(self) -> None:
        """Which is refused as a rule."""
        too_early = bool(self.drop.line.places) and not self.drop.sells_rest
        answer = self.stage.desk(commands.DropOpenRest(SANTOS))
        assert not too_early or isinstance(answer, Refusal)

    @precondition(lambda self: len(self.stage.log) > 25)
    @rule(command=st.sampled_from([commands.DropRestock(SANTOS, 1), commands.DropClose(SANTOS)]))
    def late(self, command: commands.HostCommand) -> None:
        self.stage.desk(command)

    @rule()
    def restart(self) -> None:
        before = self.stage.room.state
        assert wire.decode_state(wire.encode_state(before), RoomState) == before
        self.stage.restart()

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def the_auditor_finds_nothing(self) -> None:
        for seq, record in self.stage.log[self.audited :]:
            self.auditor.feed(seq, record)
        self.audited = len(self.stage.log)
        assert self.auditor.findings == []

    @invariant()
    def the_seed_is_a_secret_until_the_draw(self) -> None:
        if not any(isinstance(fact, LotteryDrawn) for fact in self.stage.facts()):
            shown = wire.encode_state(Storefront.of(self.stage.room)).decode()
            assert self.seed not in f"{self.stage.air}{shown}{self.stage.room.state}"

    @invariant()
    def units_go_to_the_first_of_the_draw(self) -> None:
        book = self.drop.lottery
        assert book is not None
        order = in_order_of_the_draw(self.seed, book.entries)
        facts = self.stage.facts()
        rests = (n for n, f in enumerate(facts) if isinstance(f, DropOpened) and f.reason == "rest")
        until = next(rests, None)
        held = [fact.viewer for fact in facts[:until] if isinstance(fact, HoldPlaced)]
        stayed = [viewer for viewer in order if viewer in held]
        assert held == stayed, "each once, in the order of the draw"

    def teardown(self) -> None:
        self.stage.wait(1_000_000)
        self.the_auditor_finds_nothing()
        verdict = self.auditor.verdict()
        assert verdict.clean, verdict.findings
        assert self.stage.replayed() == self.stage.room.state


PLAY = stories(examples=100, steps=30)


def test_no_story_of_a_lottery_breaks_an_invariant() -> None:
    run_state_machine_as_test(LotteryMachine, settings=PLAY)


# -- the same machine must find what is planted ------------------------------------------------


def the_first_to_enter_win(patch: pytest.MonkeyPatch) -> None:
    def as_entered(seed: str, viewers: Iterable[str]) -> list[str]:
        return list(viewers)

    patch.setattr(lottery_folds, "in_order_of_the_draw", as_entered)


def another_seed_is_drawn(patch: pytest.MonkeyPatch) -> None:
    def crooked(drop: Drop) -> list[Fact]:
        book, drop_id = drop.lottery, drop.terms.drop_id
        assert book is not None
        return [LotteryDrawn(drop_id, "00" * 32, len(book.entries)), DropOpened(drop_id, "draw")]

    patch.setattr(drawing, "draw", crooked)


def anybody_buys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drawing, "refusal_to_buy", lambda drop, terms, now_ms: None)


def the_drawn_go_home_when_it_sells_out(patch: pytest.MonkeyPatch) -> None:
    honest = folds._FOLDS[DropSoldOut]

    def sold_out(counter: Counter, fact: DropSoldOut, at_ms: int) -> None:
        honest(counter, fact, at_ms)
        counter.books.drops[fact.drop_id].line.end()

    patch.setitem(folds._FOLDS, DropSoldOut, sold_out)


def the_rest_is_opened_before_the_drawn_are_served(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rest, "_refusal_to_open", lambda drop, now_ms: None)


@pytest.mark.parametrize(
    "plant",
    [
        the_first_to_enter_win,
        another_seed_is_drawn,
        anybody_buys,
        the_drawn_go_home_when_it_sells_out,
        the_rest_is_opened_before_the_drawn_are_served,
    ],
)
def test_the_machine_finds_a_planted_fault(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert_finds_what_is_planted(LotteryMachine, PLAY)
