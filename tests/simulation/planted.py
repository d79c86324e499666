"""Planted bugs: one change each to the code that decides or folds, and the rule that it breaks.

They are what a tired person might write on a late evening. Each is caught by the worlds of this
package (`test_planted.py`), or the worlds are worth nothing. A new rule of the auditor gets a bug
of its own here.

Owns the bugs. Refuses to forge logs: `tests/livestream/test_audit.py` does that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct, structs

from cart import (
    awards,
    clock,
    consequences,
    deposits,
    desk,
    drawing,
    events,
    folds,
    invitation,
    limits,
    personalisation,
    redemption,
    refunding,
    reserving,
    rest,
    settlement,
    shopper,
)
from cart.counter import Counter
from cart.coupon import Coupon
from cart.drop import Drop, DropStatus
from cart.edition import Edition, EditionBook
from cart.fact import Fact
from cart.folds import lottery as lottery_folds
from cart.folds.shape import Folds
from cart.line import Line
from cart.order import Order, OrderStatus, Part
from cart.outcome import Decision, ErrorCode, Refusal
from cart.shelf import COMMON, Shelves
from cart.slot import Slot
from cart.stock import Stock
from livestream import once
from livestream.engine import turn
from livestream.room import Room

Patch = pytest.MonkeyPatch


class Bug(Struct, frozen=True):
    """A change to the code, and the number of the rule that the auditor must find broken."""

    plant: Callable[[Patch], None]
    rule: int

    @property
    def name(self) -> str:
        """What it does wrong."""
        return self.plant.__name__


BUGS: list[Bug] = []


def breaks(rule: int) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Enter a bug into the list."""

    def enter(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
        BUGS.append(Bug(plant, rule))
        return plant

    return enter


# -- how to plant ------------------------------------------------------------------------------


def decides_otherwise(
    patch: Patch, module: Any, name: str, change: Callable[[Fact], Fact | None]
) -> None:
    """A function that decides has each of its facts changed, or (None) left out."""
    honest = getattr(module, name)

    def planted(*args: Any, **kwargs: Any) -> Decision:
        decision: Decision = honest(*args, **kwargs)
        changed = [change(fact) for fact in decision.facts]
        return Decision([fact for fact in changed if fact is not None], decision.answer)

    patch.setattr(module, name, planted)


def folds_otherwise(patch: Patch, kind: type[Fact], then: Callable[[Counter, Any], None]) -> None:
    """What is folded at this kind of fact goes on with something wrong."""
    every: Folds = folds._FOLDS
    honest = every[kind]

    def planted(counter: Counter, fact: Any, at_ms: int) -> None:
        honest(counter, fact, at_ms)
        then(counter, fact)

    patch.setitem(every, kind, planted)


def refuses_less(patch: Patch, excuses: Callable[[Drop, Refusal], bool]) -> None:
    """Some refusals of `cart.add` are passed over."""
    honest = shopper._refusal_to_hold

    def planted(*args: Any, **kwargs: Any) -> Decision | None:
        refusal = honest(*args, **kwargs)
        drop = next(argument for argument in args if isinstance(argument, Drop))
        if refusal is not None and isinstance(refusal.answer, Refusal):
            return None if excuses(drop, refusal.answer) else refusal
        return refusal

    patch.setattr(shopper, "_refusal_to_hold", planted)


# -- 0 the log's form --------------------------------------------------------------------------


@breaks(0)
def a_press_that_was_done_is_done_again(patch: Patch) -> None:
    patch.setattr(once, "decision_again", lambda kept, envelope: None)


@breaks(0)
def a_pause_holds_nobody_up(patch: Patch) -> None:
    refuses_less(patch, lambda drop, refusal: drop.status is DropStatus.PAUSED)


@breaks(0)
def what_has_an_hour_opens_before_it(patch: Patch) -> None:
    honest = clock.tick
    patch.setattr(clock, "tick", lambda counter, now_ms: honest(counter, now_ms + 2_000))


# -- 1 stock adds up ---------------------------------------------------------------------------


@breaks(1)
def closing_leaves_a_unit_on_the_shelf(patch: Patch) -> None:
    honest = desk._closing

    def planted(drop: Drop) -> events.DropClosed:
        closed = honest(drop)
        return structs.replace(closed, withdrawn=max(0, closed.withdrawn - 1))

    patch.setattr(desk, "_closing", planted)


# -- 2 never oversold, never undersold ---------------------------------------------------------


@breaks(2)
def what_is_held_is_sold_again(patch: Patch) -> None:
    honest = shopper.add

    def add(
        counter: Counter, viewer: str, sku: str, units: int, command_id: str, now_ms: int, *_: Any
    ) -> Decision:
        decision = honest(counter, viewer, sku, units, command_id, now_ms)
        answer, books = decision.answer, counter.books
        if not isinstance(answer, Refusal) or answer.code is not ErrorCode.ALL_HELD:
            return decision
        drop, number = books.drops[books.drop_of_sku[sku]], books.holds_placed + 1
        placed = shopper.hold_of(drop, number, viewer, units, command_id, now_ms, "", False)
        return Decision((placed,), shopper.hold_result(placed))

    patch.setattr(shopper, "add", add)

    def hold(stock: Stock, units: int) -> None:
        stock.available -= units
        stock.held += units

    patch.setattr(Stock, "hold", hold)


@breaks(2)
def nobody_says_that_it_is_sold_out(patch: Patch) -> None:
    honest = consequences._of_drop
    patch.setattr(
        consequences,
        "_of_drop",
        lambda *args: [f for f in honest(*args) if not isinstance(f, events.DropSoldOut)],
    )


@breaks(2)
def late_money_always_buys(patch: Patch) -> None:
    patch.setattr(settlement, "_units_still_free", lambda *args: True)

    def hold(stock: Stock, units: int) -> None:
        stock.available -= units
        stock.held += units

    patch.setattr(Stock, "hold", hold)


# -- 3 one checkout, one order -----------------------------------------------------------------


@breaks(3)
def a_checkout_is_forgotten_once_it_is_placed(patch: Patch) -> None:
    def forget(counter: Counter, fact: events.OrderPlaced) -> None:
        del counter.books.checkouts[fact.viewer][fact.checkout_id]

    folds_otherwise(patch, events.OrderPlaced, forget)


# -- 4 what was acknowledged is in the log -----------------------------------------------------


@breaks(4)
def an_order_is_answered_and_not_written(patch: Patch) -> None:
    honest = turn._happen

    def planted(room: Room, into: turn.Turn, fact: Fact) -> None:
        honest(room, into, fact)
        if isinstance(fact, events.OrderPlaced) and fact.order_id.endswith("3"):
            into.facts.remove(fact)

    patch.setattr(turn, "_happen", planted)


# -- 5 every hold ends once --------------------------------------------------------------------


@breaks(5)
def a_hold_in_a_cart_never_expires(patch: Patch) -> None:
    honest = Counter.is_stale

    def planted(counter: Counter, deadline: Any) -> bool:
        return deadline[1] == "hold" or honest(counter, deadline)

    patch.setattr(Counter, "is_stale", planted)


@breaks(5)
def holds_and_orders_expire_early(patch: Patch) -> None:
    honest = clock.tick
    patch.setattr(clock, "tick", lambda counter, now_ms: honest(counter, now_ms + 300))


@breaks(5)
def a_new_owner_forgets_the_deadlines(patch: Patch) -> None:
    honest = Counter.__init__

    def planted(counter: Counter, *args: Any) -> None:
        honest(counter, *args)
        counter.agenda.clear()

    patch.setattr(Counter, "__init__", planted)


# -- 6 no payment without an order or a refund -------------------------------------------------


@breaks(6)
def money_is_always_taken(patch: Patch) -> None:
    patch.setattr(settlement, "_reason_to_return", lambda *args: None)


@breaks(6)
def a_wrong_amount_is_taken(patch: Patch) -> None:
    honest = settlement._reason_to_return

    def planted(*args: Any) -> Any:
        reason = honest(*args)
        return None if reason == "wrong_amount" else reason

    patch.setattr(settlement, "_reason_to_return", planted)


@breaks(6)
def money_that_comes_too_late_is_kept(patch: Patch) -> None:
    decides_otherwise(
        patch,
        settlement,
        "approved",
        lambda fact: None if isinstance(fact, events.PaymentReturned) else fact,
    )


@breaks(6)
def a_repeated_refund_gives_back_again(patch: Patch) -> None:
    patch.setattr(refunding, "_answered_before", lambda *args: None)


# -- 7 GMV to the fen --------------------------------------------------------------------------


@breaks(7)
def the_second_unit_is_free(patch: Patch) -> None:
    def change(fact: Fact) -> Fact:
        if isinstance(fact, events.OrderPlaced):
            return structs.replace(fact, total_minor=sum(x.price_minor for x in fact.lines))
        return fact

    decides_otherwise(patch, shopper, "check_out", change)


# -- 8 perks go to the first N -----------------------------------------------------------------


@breaks(8)
def nobody_gets_a_perk(patch: Patch) -> None:
    patch.setattr(settlement, "won", lambda *args: [])


@breaks(8)
def a_perk_never_passes_on(patch: Patch) -> None:
    patch.setattr(awards, "_passed_on", lambda *args: [])


# -- 9 limits ----------------------------------------------------------------------------------


@breaks(9)
def nobody_has_a_limit(patch: Patch) -> None:
    patch.setattr(limits, "refusal", lambda *args: None)


@breaks(9)
def who_has_paid_may_have_as_many_again(patch: Patch) -> None:
    def forget(counter: Counter, fact: events.OrderPaid) -> None:
        for line in counter.books.orders[fact.order_id].lines:
            counter.books.drops[line.drop_id].taken.clear()

    folds_otherwise(patch, events.OrderPaid, forget)


# -- 10 the price is the one of the hold -------------------------------------------------------


@breaks(10)
def an_order_takes_another_price(patch: Patch) -> None:
    def change(fact: Fact) -> Fact:
        if isinstance(fact, events.OrderPlaced):
            lines = [structs.replace(x, price_minor=x.price_minor + 1) for x in fact.lines]
            total_minor = fact.total_minor + sum(x.quantity for x in fact.lines)
            return structs.replace(fact, lines=lines, total_minor=total_minor)
        return fact

    decides_otherwise(patch, shopper, "check_out", change)


# -- 11 stock shown ----------------------------------------------------------------------------


@breaks(11)
def what_is_held_is_shown_as_free(patch: Patch) -> None:
    honest = clock.show_stock

    def planted(drop: Drop) -> list[Fact]:
        return [
            structs.replace(fact, available=fact.available + fact.held)
            if isinstance(fact, events.StockShown)
            else fact
            for fact in honest(drop)
        ]

    patch.setattr(clock, "show_stock", planted)


# -- 12 state = fold(log) ----------------------------------------------------------------------


@breaks(12)
def a_channel_is_forgotten_in_the_takings(patch: Patch) -> None:
    def forget(counter: Counter, fact: events.OrderPaid) -> None:
        order = counter.books.orders[fact.order_id]
        for line in order.lines:
            if order.channel == "wechat":
                counter.takings_of(order.currency, line.sku, order.channel).gross_minor = 0

    folds_otherwise(patch, events.OrderPaid, forget)


@breaks(12)
def units_that_come_back_are_mislaid(patch: Patch) -> None:
    def release(stock: Stock, units: int) -> None:
        stock.held -= units

    patch.setattr(Stock, "release", release)


# -- 13 the books balance ----------------------------------------------------------------------


@breaks(13)
def a_fen_is_lost_between_order_and_payment(patch: Patch) -> None:
    def change(fact: Fact) -> Fact:
        if isinstance(fact, events.PaymentStarted):
            return structs.replace(fact, amount_minor=max(0, fact.amount_minor - 1))
        return fact

    decides_otherwise(patch, shopper, "pay", change)


# -- 14 coupons are stock ----------------------------------------------------------------------


@breaks(14)
def a_coupon_never_runs_out(patch: Patch) -> None:
    patch.setattr(redemption, "why_not_free", lambda *args: "")

    def hold(coupon: Coupon, viewer: str) -> None:
        coupon.held += 1
        coupon.taken[viewer] = coupon.taken.get(viewer, 0) + 1

    patch.setattr(Coupon, "hold", hold)


# -- 15 allocations add up ---------------------------------------------------------------------


@breaks(15)
def every_channel_buys_what_is_for_all(patch: Patch) -> None:
    patch.setattr(Shelves, "of_channel", lambda shelves, channel: COMMON)


@breaks(15)
def allocations_never_merge(patch: Patch) -> None:
    patch.setattr(Drop, "merges_at", lambda drop, now_ms: False)


# -- 17 only the invited buy -------------------------------------------------------------------


@breaks(17)
def nobody_is_asked_for_an_invitation(patch: Patch) -> None:
    patch.setattr(invitation, "refusal", lambda *args: None)


# -- 26 slots are stock -------------------------------------------------------------------------


@breaks(26)
def a_slot_is_never_full(patch: Patch) -> None:
    patch.setattr(Slot, "free", property(lambda slot: 1))


@breaks(26)
def a_place_of_an_order_that_expires_is_kept(patch: Patch) -> None:
    patch.setattr(clock, "released", lambda books, order_id, reason: [])


# -- 18 each number once -----------------------------------------------------------------------


@breaks(18)
def a_number_that_came_back_is_lost(patch: Patch) -> None:
    def next_free(book: EditionBook, units: int) -> list[int]:
        return list(range(book.next_number, book.next_number + units))

    def give(book: EditionBook, order_id: str, edition: Edition) -> None:
        book.next_number += len(edition.numbers)
        book.given[order_id] = edition

    patch.setattr(EditionBook, "next_free", next_free)
    patch.setattr(EditionBook, "give", give)


# -- 19 personalised as offered ----------------------------------------------------------------


@breaks(19)
def any_text_fits(patch: Patch) -> None:
    patch.setattr(personalisation, "flaw_in_text", lambda *args: None)


# -- 21 the line is served in order ------------------------------------------------------------


@breaks(21)
def the_last_in_line_is_served_first(patch: Patch) -> None:
    patch.setattr(Line, "__iter__", lambda line: reversed(list(line.places.values())))


@breaks(21)
def who_adds_overtakes_who_waits(patch: Patch) -> None:
    patch.setattr(consequences, "offers", lambda counter, drop, now_ms: [])


# -- 22 a presale keeps its word ---------------------------------------------------------------


@breaks(22)
def the_window_for_balances_never_ends(patch: Patch) -> None:
    honest = deposits.due

    def due(counter: Counter, order: Order, now_ms: int) -> tuple[Part, int] | Decision:
        if order.status is OrderStatus.DEPOSITED:
            return "balance", order.total_minor - order.deposit_minor
        return honest(counter, order, now_ms)

    patch.setattr(deposits, "due", due)


@breaks(22)
def a_default_always_forfeits(patch: Patch) -> None:
    honest = deposits.defaulted

    def defaulted(counter: Counter, order: Order) -> events.OrderDefaulted:
        return structs.replace(honest(counter, order), forfeited=True, refund_id="")

    patch.setattr(deposits, "defaulted", defaulted)


@breaks(22)
def only_half_of_a_deposit_goes_back(patch: Patch) -> None:
    def change(fact: Fact) -> Fact:
        if isinstance(fact, events.OrderCancelled):
            return structs.replace(fact, amount_minor=fact.amount_minor // 2)
        return fact

    decides_otherwise(patch, desk, "refund", change)


@breaks(22)
def the_rest_is_opened_while_balances_are_due(patch: Patch) -> None:
    honest = rest._refusal_to_open

    def planted(drop: Drop, now_ms: int) -> Decision | None:
        far_ahead_ms = 0 if drop.terms.presale is None else drop.terms.presale.balance_until_ms
        return honest(drop, max(now_ms, far_ahead_ms))

    patch.setattr(rest, "_refusal_to_open", planted)


# -- 23 reserved when declared -----------------------------------------------------------------


@breaks(23)
def no_checkout_sets_anything_aside(patch: Patch) -> None:
    honest = reserving.line_of
    patch.setattr(
        reserving, "line_of", lambda *args: structs.replace(honest(*args), reserved=False)
    )


@breaks(23)
def every_cart_reserves(patch: Patch) -> None:
    decides_otherwise(
        patch,
        shopper,
        "add",
        lambda fact: (
            structs.replace(fact, reserved=True) if isinstance(fact, events.HoldPlaced) else fact
        ),
    )


# -- 24 a lottery is drawn as promised ---------------------------------------------------------


@breaks(21)
def who_enters_first_is_drawn_first(patch: Patch) -> None:
    patch.setattr(lottery_folds, "in_order_of_the_draw", lambda seed, viewers: list(viewers))


@breaks(24)
def one_may_enter_before_the_window(patch: Patch) -> None:
    honest = drawing.enter

    def enter(counter: Counter, viewer: str, sku: str, now_ms: int, *others: Any) -> Decision:
        return honest(counter, viewer, sku, now_ms + 5_000, *others)

    patch.setattr(drawing, "enter", enter)


@breaks(24)
def whoever_asks_gets_a_unit_of_a_lottery(patch: Patch) -> None:
    patch.setattr(drawing, "refusal_to_buy", lambda *args: None)
