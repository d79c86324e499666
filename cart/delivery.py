"""Who may have a place in a delivery slot, and what becomes of it.

A place is chosen at the checkout or later, and held with the order. Paying takes it, if the order
wins the perk that the slot is for; otherwise it is free again. An order that won without a place
chooses one after it has paid.

Owns these decisions. Refuses to know clocks, and how ranks are given (`cart.awards`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from cart.books import Books
from cart.bounds import SLOTS_MAX, SLOTS_SHOWN_MAX
from cart.counter import Counter
from cart.events import SlotHeld, SlotPut, SlotReleased, SlotTaken
from cart.fact import Fact
from cart.order import Order, OrderStatus
from cart.outcome import Decision, ErrorCode, Refusal, SlotChoice, SlotResult, refuse
from cart.perk import PerkBook, PerkTerms
from cart.slot import Slot, SlotTerms


def put(counter: Counter, terms: SlotTerms) -> Decision:
    """Declare a slot, or change one in which what is booked still has its place."""
    books = counter.books
    if terms.from_ms >= terms.until_ms:
        return refuse(ErrorCode.INVALID, "a slot ends after it begins")
    known = books.slots.get(terms.slot_id)
    if known is None:
        if not any(perk.slots for perk in _perks_called(books, terms.perk_id)):
            return refuse(ErrorCode.NOT_FOUND, f"no perk {terms.perk_id} is delivered in slots")
        if len(books.slots) >= SLOTS_MAX:
            return refuse(ErrorCode.LIMIT_REACHED, f"a room has at most {SLOTS_MAX} slots")
        return Decision((SlotPut(terms),), slot_result(Slot(terms)))
    if known.terms == terms:
        return Decision((), slot_result(known))
    if terms.perk_id != known.terms.perk_id:
        return refuse(ErrorCode.CONFLICT, f"slot {terms.slot_id} is for {known.terms.perk_id}")
    if known.booked and _when_and_where(terms) != _when_and_where(known.terms):
        return refuse(ErrorCode.CONFLICT, f"{known.booked} count on where and when it is")
    if terms.capacity < known.booked:
        return refuse(ErrorCode.CONFLICT, f"{known.booked} places are booked")
    return Decision((SlotPut(terms),), slot_result(Slot(terms, known.held, known.taken)))


def _when_and_where(terms: SlotTerms) -> tuple[str, int, int]:
    return terms.city, terms.from_ms, terms.until_ms


def _perks_called(books: Books, perk_id: str) -> Iterator[PerkTerms]:
    for drop in books.drops.values():
        yield from (perk for perk in drop.terms.perks if perk.perk_id == perk_id)
    yield from (perk for perk in books.rules.perks if perk.perk_id == perk_id)


def refusal_at_checkout(
    books: Books, drop_ids: Iterable[str], slot_id: str, now_ms: int
) -> Refusal | None:
    """Why an order of these drops that is placed now cannot have a place in the slot, or None."""
    slot = books.slots.get(slot_id)
    if slot is None:
        return Refusal(ErrorCode.NOT_FOUND, f"no slot {slot_id}")
    if slot.terms.from_ms <= now_ms:
        return Refusal(ErrorCode.CLOSED, f"slot {slot_id} has begun")
    offers = list(_offers(books, drop_ids, slot.terms.perk_id))
    if not offers:
        return Refusal(
            ErrorCode.CONFLICT, f"nothing in the order wins the perk {slot.terms.perk_id}"
        )
    if all(book.next_free(perk.first_n) is None for perk, book in offers):
        return Refusal(ErrorCode.CONFLICT, f"the last {offers[0][0].name} is given")
    return _full(slot)


def _full(slot: Slot) -> Refusal | None:
    if slot.free > 0:
        return None
    return Refusal(ErrorCode.SLOT_FULL, f"slot {slot.terms.slot_id} is full")


def _offers(
    books: Books, drop_ids: Iterable[str], perk_id: str
) -> Iterator[tuple[PerkTerms, PerkBook]]:
    """Perks of this name, delivered in slots, that an order of these drops may win."""
    for drop_id in dict.fromkeys(drop_ids):
        drop = books.drops[drop_id]
        for perk in drop.terms.perks:
            if perk.slots and perk.perk_id == perk_id:
                yield perk, drop.perks[perk_id]
    for perk in books.rules.perks:
        if perk.slots and perk.perk_id == perk_id:
            yield perk, books.perks[perk_id]


def choose(counter: Counter, viewer: str, order_id: str, slot_id: str, now_ms: int) -> Decision:
    """Give an order a place in a slot, instead of the one that it has for the same perk."""
    books = counter.books
    order = books.orders.get(order_id)
    if order is None or order.viewer != viewer:
        return refuse(ErrorCode.NOT_FOUND, "no such order of yours")
    slot = books.slots.get(slot_id)
    if slot is None:
        return refuse(ErrorCode.NOT_FOUND, f"no slot {slot_id}")
    perk_id = slot.terms.perk_id
    before = books.slots_of.get(order_id, {}).get(perk_id)
    paid = order.status is OrderStatus.PAID
    if before == slot_id:
        return Decision((), slot_choice(slot, order_id))
    refusal = _refusal_to_choose(books, order, slot, now_ms)
    if refusal is not None:
        return Decision((), refusal)
    facts: list[Fact] = []
    if before is not None:
        facts.append(SlotReleased(before, order_id, "changed"))
    facts.append((SlotTaken if paid else SlotHeld)(slot_id, order_id))
    answer = slot_choice(slot, order_id)
    answer["status"] = "taken" if paid else "held"
    return Decision(facts, answer)


def _refusal_to_choose(books: Books, order: Order, slot: Slot, now_ms: int) -> Refusal | None:
    terms = slot.terms
    drop_ids = [line.drop_id for line in order.lines]
    match order.status:
        case OrderStatus.PLACED | OrderStatus.DEPOSITED:
            return refusal_at_checkout(books, drop_ids, terms.slot_id, now_ms)
        case OrderStatus.EXPIRED | OrderStatus.DEFAULTED:
            return Refusal(ErrorCode.HOLD_EXPIRED, "the order expired before it was paid")
        case OrderStatus.REFUNDED:
            return Refusal(ErrorCode.CONFLICT, "the order was refunded")
        case OrderStatus.CANCELLED:
            return Refusal(ErrorCode.CONFLICT, "the order was cancelled")
        case OrderStatus.PAID:
            pass
    if terms.from_ms <= now_ms:
        return Refusal(ErrorCode.CLOSED, f"slot {terms.slot_id} has begun")
    offers = _offers(books, drop_ids, terms.perk_id)
    if not any(order.order_id in book.ranks for _, book in offers):
        return Refusal(ErrorCode.CONFLICT, f"the order did not win the perk {terms.perk_id}")
    return _full(slot)


def settled(books: Books, order_id: str, won: Collection[str]) -> Iterator[Fact]:
    """What becomes of an order's places when it is paid: `won` are the perks in slots that it got
    by that.
    """
    for perk_id, slot_id in books.slots_of.get(order_id, {}).items():
        if perk_id in won:
            yield SlotTaken(slot_id, order_id)
        else:
            yield SlotReleased(slot_id, order_id, "not_won")


def released(
    books: Books,
    order_id: str,
    reason: Literal["expired", "defaulted", "cancelled", "refunded"],
) -> Iterator[Fact]:
    """All places of an order that has ended are free again."""
    for slot_id in books.slots_of.get(order_id, {}).values():
        yield SlotReleased(slot_id, order_id, reason)


def show(counter: Counter, perk_id: str, city: str | None, from_ms: int, now_ms: int) -> Decision:
    """Slots of a perk that begin later than now and not before `from_ms`, the earliest first."""
    found = [
        slot
        for slot in counter.books.slots.values()
        if slot.terms.perk_id == perk_id
        and (city is None or slot.terms.city == city)
        and slot.terms.from_ms > now_ms
        and slot.terms.from_ms >= from_ms
    ]
    found.sort(key=lambda slot: (slot.terms.from_ms, slot.terms.slot_id))
    shown = [slot_result(slot) for slot in found[:SLOTS_SHOWN_MAX]]
    return Decision((), {"slots": shown, "more": len(found) > SLOTS_SHOWN_MAX})


def slot_result(slot: Slot) -> SlotResult:
    """A slot as anybody may see it."""
    terms = slot.terms
    return {
        "slot_id": terms.slot_id,
        "perk_id": terms.perk_id,
        "city": terms.city,
        "from_ms": terms.from_ms,
        "until_ms": terms.until_ms,
        "capacity": terms.capacity,
        "free": slot.free,
    }


def slot_choice(slot: Slot, order_id: str) -> SlotChoice:
    """The place of an order as its viewer sees it."""
    terms = slot.terms
    return {
        "slot_id": terms.slot_id,
        "perk_id": terms.perk_id,
        "city": terms.city,
        "from_ms": terms.from_ms,
        "until_ms": terms.until_ms,
        "status": "taken" if order_id in slot.taken else "held",
    }


def slots_of(books: Books, order_id: str) -> list[SlotChoice]:
    """The places of an order, in the order in which they were chosen."""
    mine = books.slots_of.get(order_id)
    return (
        [slot_choice(books.slots[slot_id], order_id) for slot_id in mine.values()] if mine else []
    )
