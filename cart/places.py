"""Places in line as their viewers see them. Owns the answers; refuses to know who may join."""

from __future__ import annotations

from cart.counter import Counter
from cart.drop import Drop
from cart.line import Place
from cart.outcome import PlaceResult


def places_of(counter: Counter, viewer: str) -> list[PlaceResult]:
    """Every line in which the viewer waits."""
    places: list[PlaceResult] = []
    for drop in counter.books.drops.values():
        place = drop.line.of(viewer)
        if place is not None:
            places.append(place_result(drop, place))
    return places


def place_result(drop: Drop, place: Place) -> PlaceResult:
    """A place as it is now."""
    held = drop.stock.held
    if drop.shelves is not None and drop.is_apart:
        held = drop.shelves.of[drop.shelves.of_channel(place.channel)].held
    return {
        "drop_id": drop.terms.drop_id,
        "sku": drop.terms.sku,
        "quantity": place.quantity,
        "number": place.number,
        "ahead": drop.line.ahead_of(place.number),
        "held": held,
    }
