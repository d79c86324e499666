"""Lotteries at the desk: the seed that is drawn for the host, and the draw that anyone may check.

Owns chance, and what is published of a lottery. Refuses to know how a draw is made: `cart.lottery`.
A seed goes from here to the engine in one command, and comes back from the log when it is drawn; it
is in no answer, frame or log line before.
"""

from __future__ import annotations

import asyncio
import secrets
from itertools import islice

from msgspec import structs

from cart.drop import Drop, DropTerms
from cart.lottery import commitment_to, entry_of, in_order_of_the_draw
from livestream.commands import DraftSchedule, DropSchedule
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import Problem, not_found
from livestream.control.views import Draw, DrawEntry, NewDrop

#: Orders of draws that are kept: 4 x 200,000 entries x about 100 bytes = 80 MB at the very worst.
DRAWS_KEPT = 4


def scheduling(body: NewDrop) -> DropSchedule:
    """The command that declares a drop. A lottery gets a seed here, unless the host has one."""
    terms = DropTerms(**{name: getattr(body, name) for name in DropTerms.__struct_fields__})
    if terms.lottery is None:
        return DropSchedule(terms, body.seed)
    seed_made = not body.seed and not terms.lottery.commitment
    seed = secrets.token_hex(32) if seed_made else body.seed
    if seed and not terms.lottery.commitment:
        lottery = structs.replace(terms.lottery, commitment=commitment_to(seed))
        terms = structs.replace(terms, lottery=lottery)
    return DropSchedule(terms, seed, seed_made)


def scheduling_draft(body: DraftSchedule) -> DraftSchedule:
    """The command that declares a drop as it was drafted. The seed is used if it is a lottery."""
    return structs.replace(body, seed=body.seed or secrets.token_hex(32))


async def show_draw(control: Control, call: Call) -> Answer | Problem:
    """A lottery as anyone may check it: what was promised, who entered, and, once it is drawn, the
    seed and each entry's place. A page at a time, in the order of the entries.
    """
    books = (await control.books.of(call.room)).state.books
    drop = books.drops.get(call.path["drop_id"])
    if drop is None or drop.lottery is None or drop.terms.lottery is None:
        return not_found(f"no lottery {call.path['drop_id']}")
    book, terms = drop.lottery, drop.terms.lottery
    page = list(islice(book.entries, call.query.after, call.query.after + call.query.limit))
    entered, seed = len(book.entries), book.seed if book.drawn else None
    places = {} if seed is None else await _places(control, call.room, drop, seed)
    entries: list[DrawEntry] = [
        {
            "number": book.entries[viewer].number,
            "entry": entry_of(viewer),
            "place": places.get(viewer),
        }
        for viewer in page
    ]
    body: Draw = {
        "drop_id": drop.terms.drop_id,
        "entries_from_ms": terms.entries_from_ms,
        "entries_until_ms": terms.entries_until_ms,
        "commitment": terms.commitment,
        "seed": seed,
        "supply": drop.terms.supply,
        "entered": entered,
        "entries": entries,
    }
    return Answer(body)


async def _places(control: Control, room: str, drop: Drop, seed: str) -> dict[str, int]:
    """The place of each viewer in the order of the draw, from 1. Sorted once, not for each page,
    and beside the loop: 200,000 entries take half a second.
    """
    book = drop.lottery
    assert book is not None, "the caller looked"
    name = f"{room}:{drop.terms.drop_id}:{seed}"
    places = control.draws.get(name)
    if places is None:
        order = await asyncio.to_thread(in_order_of_the_draw, seed, list(book.entries))
        places = {viewer: place for place, viewer in enumerate(order, 1)}
        while len(control.draws) >= DRAWS_KEPT:
            del control.draws[next(iter(control.draws))]
        control.draws[name] = places
    return places
