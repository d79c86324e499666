"""Folds of what happens to a drop."""

from __future__ import annotations

from heapq import heappush

from cart.counter import Counter
from cart.drop import Drop, DropStatus, StockLevels
from cart.events import (
    AllocationsMerged,
    DraftDiscarded,
    DropAllHeld,
    DropClosed,
    DropDrafted,
    DropOpened,
    DropPaused,
    DropRestocked,
    DropScheduled,
    DropSoldOut,
    StockShown,
)
from cart.folds.shape import Folds
from cart.lottery import LotteryBook
from cart.perk import PerkBook
from cart.shelf import shelves_of
from cart.stock import BrokenBooksError, Stock


def _drop_drafted(counter: Counter, event: DropDrafted, at_ms: int) -> None:
    counter.books.drafts[event.terms.drop_id] = event.terms


def _draft_discarded(counter: Counter, event: DraftDiscarded, at_ms: int) -> None:
    del counter.books.drafts[event.drop_id]


def _drop_scheduled(counter: Counter, event: DropScheduled, at_ms: int) -> None:
    terms = event.terms
    shelves = shelves_of(terms.allocations, terms.supply)
    counter.books.drops[terms.drop_id] = Drop(
        terms=terms,
        stock=Stock(supplied=terms.supply, available=terms.supply),
        status=DropStatus.SCHEDULED,
        shown=StockLevels(terms.supply, 0, 0, shelves={} if shelves is None else shelves.levels()),
        shown_at_ms=at_ms,
        perks={perk.perk_id: PerkBook() for perk in terms.perks},
        shelves=shelves,
    )
    counter.books.drop_of_sku[terms.sku] = terms.drop_id
    counter.books.drafts.pop(terms.drop_id, None)
    if terms.lottery is not None:
        counter.books.drops[terms.drop_id].lottery = LotteryBook(event.seed)
        heappush(counter.agenda, (terms.lottery.entries_until_ms, "draw", terms.drop_id))
    if terms.presale is not None:
        heappush(counter.agenda, (terms.presale.deposit_until_ms, "presale", terms.drop_id))
    opens_at_ms = terms.first_opens_at_ms
    if opens_at_ms is not None:
        heappush(counter.agenda, (opens_at_ms, "drop", terms.drop_id))
    if terms.merge_at_ms is not None:
        heappush(counter.agenda, (terms.merge_at_ms, "merge", terms.drop_id))


def _allocations_merged(counter: Counter, event: AllocationsMerged, at_ms: int) -> None:
    shelves = counter.books.drops[event.drop_id].shelves
    if shelves is None:
        raise BrokenBooksError(f"{event.drop_id} has no allocations that could merge")
    shelves.merge(event.moved)
    counter.books.drops[event.drop_id].line.flow_together()
    counter.touched[event.drop_id] = None


def _drop_opened(counter: Counter, event: DropOpened, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.status = DropStatus.OPEN
    drop.opened_at_ms = drop.opened_at_ms or at_ms
    drop.paused = False
    if event.reason == "rest":
        drop.sells_rest = True
    counter.touched[event.drop_id] = None


def _drop_all_held(counter: Counter, event: DropAllHeld, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    if drop.stock.available:
        raise BrokenBooksError(f"{event.drop_id} is all held with units free")
    drop.status = DropStatus.ALL_HELD


def _drop_paused(counter: Counter, event: DropPaused, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.status = DropStatus.PAUSED
    drop.paused = True


def _drop_restocked(counter: Counter, event: DropRestocked, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.stock.restock(event.quantity)
    if drop.shelves is not None:
        drop.shelves.of[event.shelf].restock(event.quantity)
    counter.stock_moved(drop)


def _drop_sold_out(counter: Counter, event: DropSoldOut, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    if not drop.stock.exhausted:
        raise BrokenBooksError(f"{event.drop_id} sold out with units left")
    drop.status = DropStatus.SOLD_OUT
    if drop.lottery is None or drop.sells_rest:
        drop.line.end()


def _drop_closed(counter: Counter, event: DropClosed, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.stock.withdraw(event.withdrawn)
    if drop.shelves is not None:
        drop.shelves.withdraw()
    drop.status = DropStatus.CLOSED
    counter.books.invited.pop(event.drop_id, None)  # makes room on the room's lists
    drop.line.end()


def _stock_shown(counter: Counter, event: StockShown, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.shown = StockLevels(
        event.available, event.held, event.sold, event.waiting, event.next, event.shelves
    )
    drop.shown_at_ms = at_ms


FOLDS: Folds = {
    DropDrafted: _drop_drafted,
    DraftDiscarded: _draft_discarded,
    DropScheduled: _drop_scheduled,
    DropOpened: _drop_opened,
    DropAllHeld: _drop_all_held,
    DropPaused: _drop_paused,
    DropRestocked: _drop_restocked,
    AllocationsMerged: _allocations_merged,
    DropSoldOut: _drop_sold_out,
    DropClosed: _drop_closed,
    StockShown: _stock_shown,
}
