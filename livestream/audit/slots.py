"""Check 26: a delivery slot is stock: never overbooked, and only for orders that may have it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cart import events
from cart.slot import SlotTerms
from livestream.audit.check import Check, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger

#: What an order is when it gives a place up for this reason.
_STATUS_AFTER = {
    "expired": "expired",
    "defaulted": "defaulted",
    "cancelled": "cancelled",
    "not_won": "paid",
    "refunded": "refunded",
}


class SlotAccount(Struct):
    """One slot: order -> whether it has taken its place, or only holds it."""

    terms: SlotTerms
    places: dict[str, bool] = {}


class SlotsAreStock(Check):
    """Rule 26, with a tally of its own. By the end of each record every order that holds a place
    waits for its payment, and every one that took one is paid and has the perk.
    """

    rule = Rule(
        26,
        "slots are stock",
        "held + taken <= capacity in each delivery slot, taken by paid orders that won its perk",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self.slots: dict[str, SlotAccount] = {}
        #: Orders and the perks in slots that they have, by perk id: in how many ways.
        self._won: dict[tuple[str, str], int] = {}
        #: order -> the slots in which it has a place.
        self._booked: dict[str, dict[str, None]] = {}
        #: order -> the slot that was asked for with it, in which it still has to get its place.
        self._asked: dict[str, str] = {}
        #: Orders that moved in this record. A dict for its order.
        self._moved: dict[str, None] = {}

    @before(events.SlotPut)
    def put(self, fact: events.SlotPut) -> Iterator[str]:
        terms = fact.terms
        known = self.slots.get(terms.slot_id)
        if known is None:
            self.slots[terms.slot_id] = SlotAccount(terms)
            return
        places = len(known.places)
        if places > terms.capacity:
            yield f"slot {terms.slot_id} shrinks to {terms.capacity}, {places} are booked"
        was = known.terms
        if terms.perk_id != was.perk_id or (
            places
            and (terms.city, terms.from_ms, terms.until_ms) != (was.city, was.from_ms, was.until_ms)
        ):
            yield f"slot {terms.slot_id} is another one now, and {places} are booked in it"
        known.terms = terms

    @before(events.OrderPlaced)
    def asked(self, fact: events.OrderPlaced) -> Iterator[str]:
        if fact.slot_id:
            self._asked[fact.order_id] = fact.slot_id
        yield from ()

    @before(events.SlotHeld, events.SlotTaken)
    def booked(self, fact: events.SlotHeld | events.SlotTaken) -> Iterator[str]:
        self._moved[fact.order_id] = None
        slot = self.slots.get(fact.slot_id)
        if slot is None:
            yield f"order {fact.order_id} books slot {fact.slot_id}, which nobody declared"
            return
        if self._asked.get(fact.order_id) == fact.slot_id:
            del self._asked[fact.order_id]
        takes = isinstance(fact, events.SlotTaken)
        has = slot.places.get(fact.order_id)
        if has is not None and (has or not takes):
            yield f"order {fact.order_id} has a place in slot {fact.slot_id} already"
        if has is None:
            for other_id in self._booked.get(fact.order_id, {}):
                if self.slots[other_id].terms.perk_id == slot.terms.perk_id:
                    yield f"order {fact.order_id} is in slots {other_id} and {fact.slot_id}"
            if slot.terms.from_ms <= self.ledger.at_ms:
                yield f"order {fact.order_id} books slot {fact.slot_id}, which has begun"
        slot.places[fact.order_id] = takes
        self._booked.setdefault(fact.order_id, {})[fact.slot_id] = None
        if len(slot.places) > slot.terms.capacity:
            yield (
                f"slot {fact.slot_id} has {slot.terms.capacity} places, "
                f"{len(slot.places)} are booked"
            )

    @before(events.SlotReleased)
    def released(self, fact: events.SlotReleased) -> Iterator[str]:
        self._moved[fact.order_id] = None
        slot = self.slots.get(fact.slot_id)
        if slot is None or fact.order_id not in slot.places:
            yield f"order {fact.order_id} gives up slot {fact.slot_id}, and has no place in it"
            return
        del slot.places[fact.order_id]
        del self._booked[fact.order_id][fact.slot_id]
        order = self.ledger.orders.get(fact.order_id)
        status = _STATUS_AFTER.get(fact.reason)
        if status is not None and order is not None and order.status != status:
            yield f"order {fact.order_id} is {order.status}, and gives up a slot as {fact.reason}"
        if fact.reason == "not_won" and self._won.get((fact.order_id, slot.terms.perk_id)):
            yield f"order {fact.order_id} won {slot.terms.perk_id}, and gives up its slot"

    @before(events.PerkAwarded)
    def won(self, fact: events.PerkAwarded) -> Iterator[str]:
        if self._is_in_slots(fact):
            key = fact.order_id, fact.perk_id
            self._won[key] = self._won.get(key, 0) + 1
        yield from ()

    @before(events.PerkRevoked)
    def lost(self, fact: events.PerkRevoked) -> Iterator[str]:
        self._moved[fact.order_id] = None
        if self._is_in_slots(fact):
            key = fact.order_id, fact.perk_id
            self._won[key] = self._won.get(key, 0) - 1
        yield from ()

    def _is_in_slots(self, fact: events.PerkAwarded | events.PerkRevoked) -> bool:
        """Whether this very perk has slots: a drop's and the room's may share a name."""
        perks = self.ledger.rules.perks
        if fact.drop_id is not None:
            drop = self.ledger.drops.get(fact.drop_id)
            perks = drop.terms.perks if drop is not None else []
        return any(perk.slots and perk.perk_id == fact.perk_id for perk in perks)

    @before(
        events.OrderPaid,
        events.OrderExpired,
        events.OrderDefaulted,
        events.OrderCancelled,
        events.OrderRefunded,
    )
    def moved(
        self,
        fact: events.OrderPaid
        | events.OrderExpired
        | events.OrderDefaulted
        | events.OrderCancelled
        | events.OrderRefunded,
    ) -> Iterator[str]:
        if fact.order_id in self._booked:
            self._moved[fact.order_id] = None
        yield from ()

    def record_ends(self) -> Iterator[str]:
        for order_id, slot_id in self._asked.items():
            yield f"order {order_id} was placed with slot {slot_id} and got no place in it"
        self._asked.clear()
        for order_id in self._moved:
            mine = self._booked.get(order_id, {})
            if not mine:
                self._booked.pop(order_id, None)
                continue
            order = self.ledger.orders.get(order_id)
            status = "unknown" if order is None else order.status
            for slot_id in mine:
                slot = self.slots[slot_id]
                if not slot.places[order_id]:
                    if status not in ("placed", "deposited"):
                        yield f"order {order_id} is {status} and still holds slot {slot_id}"
                elif status != "paid" or not self._won.get((order_id, slot.terms.perk_id)):
                    yield (
                        f"order {order_id} has slot {slot_id}, is {status} and has not "
                        f"won {slot.terms.perk_id}"
                    )
        self._moved.clear()
