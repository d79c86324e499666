"""Checks about the log itself: 0 its form, 4 nothing that was acknowledged is lost, 12 the engine's
own fold of it comes to the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from cart import events
from cart.fact import Fact
from cart.stock import BrokenBooksError
from livestream import facts
from livestream.audit.check import Check, Checks, Rule, before
from livestream.audit.coupons import CouponsAreStock
from livestream.audit.editions import EachNumberOnce
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger
from livestream.audit.money import GmvToTheFen, Row
from livestream.audit.perks import FirstNGetThePerk, named
from livestream.audit.presale import PresaleKeepsItsWord
from livestream.audit.shelves import ShelvesAddUp
from livestream.audit.slots import SlotsAreStock
from livestream.facts import Record
from livestream.once import ANSWERS_KEPT_MAX
from livestream.room import Room, RoomState, evolve

#: What a drop must be for it to open, or to pause, for the reason given.
_OPENS_FROM = {
    "clock": ("scheduled",),
    "host": ("scheduled",),
    "draw": ("scheduled",),
    "resumed": ("paused",),
    "restock": ("sold_out", "all_held"),
    "refund": ("sold_out", "all_held"),
    "released": ("all_held",),
    "rest": ("open", "all_held", "paused"),
}
_PAUSES_FROM = {"host": ("open", "all_held"), "restock": ("sold_out",), "refund": ("sold_out",)}


class LogIsWellFormed(Check):
    """Rule 0: not an invariant of the room, but what reading the log relies on."""

    rule = Rule(
        0,
        "the log is well formed",
        "epochs rise, each with its own first fact; time and the inbox cursor never go back; "
        "drops move as they may; what the desk named is done once",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self.epochs = 0
        self._epoch = 0
        self._at_ms = 0
        self._cursor = (0, 0)
        self._keys: dict[str, None] = {}

    def record_begins(self, seq: int, record: Record) -> Iterator[str]:
        if not record.facts:
            yield "a record without facts"
        if record.at_ms < self._at_ms:
            yield f"time goes back by {self._at_ms - record.at_ms} ms"
        self._at_ms = max(self._at_ms, record.at_ms)
        yield from self._cursor_goes_on(record.cursor)
        yield from self._one_owner_at_a_time(record)

    def _cursor_goes_on(self, text: str) -> Iterator[str]:
        ms, _, number = text.partition("-")
        if not (ms.isdecimal() and number.isdecimal()):
            yield f"the inbox cursor {text!r} is no stream id"
            return
        cursor = int(ms), int(number)
        if cursor < self._cursor:
            yield f"the inbox cursor goes back to {text}: commands would be decided twice"
        self._cursor = max(self._cursor, cursor)

    def _one_owner_at_a_time(self, record: Record) -> Iterator[str]:
        started = [fact for fact in record.facts if isinstance(fact, facts.EpochStarted)]
        if record.epoch < self._epoch:
            yield f"epoch {record.epoch} writes after epoch {self._epoch} took over"
        elif record.epoch > self._epoch and record.facts[:1] != started[:1]:
            yield f"epoch {record.epoch} writes without having taken over"
        elif record.epoch == self._epoch and started:
            yield f"epoch {record.epoch} takes over from itself"
        if len(started) > 1 or any(fact.epoch != record.epoch for fact in started):
            yield f"a record of epoch {record.epoch} starts other epochs"
        self.epochs += record.epoch > self._epoch
        self._epoch = max(self._epoch, record.epoch)

    @before(facts.DeskAnswered)
    def done_once_under_its_key(self, fact: facts.DeskAnswered) -> Iterator[str]:
        if fact.key in self._keys:
            yield f"{fact.command} of {fact.by} is done twice under the key {fact.key}"
        self._keys[fact.key] = None
        if len(self._keys) > ANSWERS_KEPT_MAX:
            del self._keys[next(iter(self._keys))]

    @before(events.DropDrafted)
    def drafted_before_it_is_scheduled(self, fact: events.DropDrafted) -> Iterator[str]:
        if fact.terms.drop_id in self.ledger.drops:
            yield f"drop {fact.terms.drop_id} is a draft again after it was scheduled"

    @before(events.DraftDiscarded)
    def discarded_while_there(self, fact: events.DraftDiscarded) -> Iterator[str]:
        if fact.drop_id not in self.ledger.drafts:
            yield f"draft {fact.drop_id} is discarded and was not there"

    @before(events.DropOpened)
    def opens_from_where_it_is(self, fact: events.DropOpened) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is None:
            return
        if drop.status not in _OPENS_FROM[fact.reason]:
            yield f"drop {fact.drop_id} opens by {fact.reason} while it is {drop.status}"
        elif drop.status == "sold_out" and drop.paused:
            yield f"drop {fact.drop_id} opens by {fact.reason} though the host had paused it"
        terms = drop.terms
        if fact.reason == "rest" and (
            drop.sells_rest or (terms.presale is None and terms.lottery is None)
        ):
            yield f"drop {fact.drop_id} opens a rest that it does not have"
        times = [at_ms for _, at_ms in self.ledger.opening_times(drop.terms)]
        if fact.reason == "clock" and (not times or self.ledger.at_ms < min(times)):
            yield f"drop {fact.drop_id} is opened by the clock before its time"

    @before(events.DropPaused)
    def pauses_from_where_it_is(self, fact: events.DropPaused) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is None:
            return
        if drop.status not in _PAUSES_FROM[fact.reason]:
            yield f"drop {fact.drop_id} is paused by {fact.reason} while it is {drop.status}"
        elif drop.status == "sold_out" and not drop.paused:
            yield f"drop {fact.drop_id} is paused by {fact.reason} and not by the host"

    @before(events.DropAllHeld)
    def all_held_from_where_it_is(self, fact: events.DropAllHeld) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is not None and drop.status != "open":
            yield f"drop {fact.drop_id} is declared all held while it is {drop.status}"

    @before(events.DropSoldOut, events.DropClosed)
    def ends_from_where_it_is(self, fact: events.DropSoldOut | events.DropClosed) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is not None and drop.status == "closed":
            yield f"drop {fact.drop_id} is closed and cannot move so"

    @before(facts.RoomEnded)
    def the_end_closes_every_drop(self, fact: facts.RoomEnded) -> Iterator[str]:
        for drop_id, drop in self.ledger.drops.items():
            if drop.status != "closed":
                yield f"the room ends while drop {drop_id} is {drop.status}"

    @before(events.HoldPlaced)
    def held_while_open(self, fact: events.HoldPlaced) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is not None and drop.status not in ("open", "all_held"):
            yield f"hold {fact.hold_id} is placed while drop {fact.drop_id} is {drop.status}"
        if self.ledger.room_status != "live":
            status = self.ledger.room_status or "not created"
            yield f"hold {fact.hold_id} is placed while the room is {status}"


class NothingIsLost(Check):
    """Invariant 4."""

    rule = Rule(
        4,
        "what was acknowledged is in the log",
        "seqs have no gap, and every order a client was told of is there as it was told",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._last_seq = 0

    def record_begins(self, seq: int, record: Record) -> Iterator[str]:
        first = seq - len(record.facts) + 1
        if first > self._last_seq + 1:
            missing = first - self._last_seq - 1
            yield f"seq {first} follows {self._last_seq}: {missing} facts are missing"
        elif first <= self._last_seq:
            yield f"seq {first} comes again after {self._last_seq}"
        self._last_seq = max(self._last_seq, seq)

    def log_ends(self) -> Iterator[str]:
        for told in self.evidence.acknowledged:
            order = self.ledger.orders.get(told.order_id)
            if order is None:
                yield f"{told.viewer} was told of order {told.order_id}, which is not in the log"
                continue
            if (order.viewer, order.checkout_id) != (told.viewer, told.checkout_id):
                yield (
                    f"{told.viewer} was told that checkout {told.checkout_id} is order "
                    f"{told.order_id}, which is {order.checkout_id} of {order.viewer}"
                )
            if order.total_minor != told.total_minor:
                yield (
                    f"{told.viewer} was told that order {told.order_id} is {told.total_minor}, "
                    f"it is {order.total_minor}"
                )
            if told.paid and order.status not in ("paid", "refunded"):
                yield (
                    f"{told.viewer} was told that order {told.order_id} is paid, "
                    f"it is {order.status}"
                )

    def note(self) -> str:
        told = len(self.evidence.acknowledged)
        return f"{told:,} acknowledged orders" if told else "no acknowledged orders given"


class StateIsTheFold(Check):
    """Invariant 12: the engine's own fold, compared with these books and with a snapshot."""

    rule = Rule(
        12,
        "state = fold(log)",
        "the engine's fold of the log comes to these books, and to its own snapshot",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._room = Room(RoomState(ledger.room))
        self._broken = False
        self._compared = ""

    def meet(self, others: Checks) -> None:
        self._gmv = others.one(GmvToTheFen)
        self._perks = others.one(FirstNGetThePerk)
        self._coupons = others.one(CouponsAreStock)
        self._shelves = others.one(ShelvesAddUp)
        self._editions = others.one(EachNumberOnce)
        self._presales = others.one(PresaleKeepsItsWord)
        self._slots = others.one(SlotsAreStock)

    def fold(self, fact: Fact) -> Iterator[str]:
        """Fold as a restarted engine would, and stop where it would."""
        if self._broken:
            return
        try:
            evolve(self._room, fact, self.ledger.at_ms)
        except (BrokenBooksError, LookupError) as error:
            self._broken = True
            yield f"an engine that restarts stops here: {error}"
            return
        snapshot = self.evidence.snapshot
        if snapshot is not None and snapshot.seq == self._room.state.seq:
            yield from self._same_state(snapshot, self._room.state)

    def _same_state(self, snapshot: RoomState, state: RoomState) -> Iterator[str]:
        if (snapshot.epoch, snapshot.at_ms) != (state.epoch, state.at_ms):
            self._compared = "the snapshot is of another log, as after a Redis that lost its end"
            return
        self._compared = f"snapshot of seq {snapshot.seq} compared"
        different = [
            name
            for name in RoomState.__struct_fields__
            if getattr(snapshot, name) != getattr(state, name)
        ]
        if different:
            yield f"the snapshot at this seq differs from the fold in {', '.join(different)}"

    def log_ends(self) -> Iterator[str]:
        snapshot = self.evidence.snapshot
        if snapshot is not None and snapshot.seq and not self._compared and not self._broken:
            yield f"the snapshot stands at seq {snapshot.seq}, which the log never reaches"
        if self._broken:
            return
        yield from self._same_stock()
        yield from self._same_lines()
        yield from self._same_orders()
        yield from self._same_takings()
        yield from self._same_ranks()
        yield from self._same_redemptions()
        yield from self._same_shelves()
        yield from self._same_numbers()
        yield from self._same_slots()

    def _same_stock(self) -> Iterator[str]:
        if self._room.state.books.drafts != self.ledger.drafts:
            yield "the drafts are not the same in the fold and in these books"
        drops = self._room.state.books.drops
        for drop_id in sorted(drops.keys() | self.ledger.drops.keys()):
            ours, drop = self.ledger.drops.get(drop_id), drops.get(drop_id)
            if ours is None or drop is None:
                yield f"drop {drop_id} is known to one of fold and ledger only"
                continue
            stock = drop.stock
            theirs = (stock.supplied, stock.available, stock.held, stock.sold, stock.withdrawn)
            columns = (ours.supplied, ours.available, ours.held, ours.sold, ours.withdrawn)
            if theirs != columns or drop.status.value != ours.status:
                yield (
                    f"the fold has drop {drop_id} {drop.status.value} at {theirs}, "
                    f"these books {ours.status} at {columns}"
                )

    def _same_lines(self) -> Iterator[str]:
        for drop_id, drop in self._room.state.books.drops.items():
            account = self.ledger.drops.get(drop_id)
            if account is None:
                continue
            theirs = [(place.viewer, place.number, place.quantity) for place in drop.line]
            ours = [(who, place.number, place.quantity) for who, place in account.waiting.items()]
            if theirs != ours:
                yield f"the line of drop {drop_id} is not the same in the fold and in these books"

    def _same_orders(self) -> Iterator[str]:
        orders = self._room.state.books.orders
        for order_id in orders.keys() | self.ledger.orders.keys():
            ours, order = self.ledger.orders.get(order_id), orders.get(order_id)
            if ours is None or order is None or order.status.value != ours.status:
                yield f"order {order_id} is not the same in the fold and in these books"

    def _same_takings(self) -> Iterator[str]:
        theirs = {
            (currency, sku, channel): (
                row.gross_minor,
                row.refunded_minor,
                row.units_sold,
                row.units_refunded,
                row.deposits_minor,
                row.deposits_applied_minor,
                row.deposits_forfeited_minor,
                row.deposits_refunded_minor,
            )
            for currency, by_sku in self._room.state.books.takings.items()
            for sku, by_channel in by_sku.items()
            for channel, row in by_channel.items()
        }
        ours = {
            (str(currency), sku, channel): (
                row.gross_minor,
                row.refunded_minor,
                row.units_sold,
                row.units_refunded,
                *self._presales.columns((currency, sku, channel)),
            )
            for currency, sku, channel in {*self._gmv.rows, *self._presales.rows}
            for row in [self._gmv.rows.get((currency, sku, channel), Row())]
        }
        for key in sorted(theirs.keys() | ours.keys()):
            if theirs.get(key) != ours.get(key):
                yield f"takings of {key}: {theirs.get(key)} in the fold, {ours.get(key)} here"

    def _same_shelves(self) -> Iterator[str]:
        for drop_id, account in self._shelves.drops.items():
            drop = self._room.state.books.drops.get(drop_id)
            theirs = {
                name: (stock.supplied, stock.available, stock.held, stock.sold, stock.withdrawn)
                for name, stock in (drop.shelves.of if drop and drop.shelves else {}).items()
            }
            if theirs != {name: shelf.columns() for name, shelf in account.shelves.items()}:
                yield f"the shelves of drop {drop_id} are not the same in the fold and here"

    def _same_redemptions(self) -> Iterator[str]:
        books, accounts = self._room.state.books, self._coupons.accounts
        theirs = {code: (coupon.held, coupon.redeemed) for code, coupon in books.coupons.items()}
        ours = {code: (account.held, account.redeemed) for code, account in accounts.items()}
        for code in sorted(theirs.keys() | ours.keys()):
            if theirs.get(code) != ours.get(code):
                yield f"coupon {code}: {theirs.get(code)} in the fold, {ours.get(code)} here"

    def _same_ranks(self) -> Iterator[str]:
        drops = self._room.state.books.drops
        theirs = {
            (drop_id, perk_id): book.ranks
            for drop_id, drop in drops.items()
            for perk_id, book in drop.perks.items()
        }
        room = self._room.state.books.perks
        theirs |= {("", perk_id): book.ranks for perk_id, book in room.items()}
        ours = {perk: ranking.rank_of for perk, ranking in self._perks.rankings.items()}
        for perk in sorted(theirs.keys() | ours.keys()):
            if theirs.get(perk) != ours.get(perk):
                yield f"ranks of {named(perk)} are not the same in the fold and in these books"

    def _same_numbers(self) -> Iterator[str]:
        for drop_id, drop in self._room.state.books.drops.items():
            theirs = {order_id: one.numbers for order_id, one in drop.editions.given.items()}
            if theirs != self._editions.numbers_of(drop_id):
                yield f"numbers of drop {drop_id} are not the same in the fold and in these books"

    def _same_slots(self) -> Iterator[str]:
        theirs = {
            slot_id: (slot.terms, dict.fromkeys(slot.held, False) | dict.fromkeys(slot.taken, True))
            for slot_id, slot in self._room.state.books.slots.items()
        }
        ours = {slot_id: (one.terms, one.places) for slot_id, one in self._slots.slots.items()}
        for slot_id in sorted(theirs.keys() | ours.keys()):
            if theirs.get(slot_id) != ours.get(slot_id):
                yield f"slot {slot_id} is not the same in the fold and in these books"

    def note(self) -> str:
        return self._compared or "no snapshot compared"
