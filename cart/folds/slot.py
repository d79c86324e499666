"""Folds of what happens to delivery slots."""

from __future__ import annotations

from cart.counter import Counter
from cart.events import SlotHeld, SlotPut, SlotReleased, SlotTaken
from cart.folds.shape import Folds
from cart.slot import Slot
from cart.stock import BrokenBooksError


def _slot_put(counter: Counter, event: SlotPut, at_ms: int) -> None:
    slots, terms = counter.books.slots, event.terms
    slot = slots.get(terms.slot_id)
    if slot is None:
        slots[terms.slot_id] = Slot(terms)
        return
    slot.terms = terms
    if slot.free < 0:
        raise BrokenBooksError(f"slot {terms.slot_id} is smaller than what is booked in it")


def _slot_booked(counter: Counter, event: SlotHeld | SlotTaken, at_ms: int) -> None:
    books = counter.books
    slot = books.slots[event.slot_id]
    if type(event) is SlotHeld:
        slot.hold(event.order_id)
    else:
        slot.take(event.order_id)
    books.slots_of.setdefault(event.order_id, {})[slot.terms.perk_id] = event.slot_id


def _slot_released(counter: Counter, event: SlotReleased, at_ms: int) -> None:
    books = counter.books
    slot = books.slots[event.slot_id]
    slot.release(event.order_id)
    mine = books.slots_of[event.order_id]
    del mine[slot.terms.perk_id]
    if not mine:
        del books.slots_of[event.order_id]


FOLDS: Folds = {
    SlotPut: _slot_put,
    SlotHeld: _slot_booked,
    SlotTaken: _slot_booked,
    SlotReleased: _slot_released,
}
