"""Holds what the crowd was told against what the log says.

The only part of the demo that looks behind the public interfaces: as an auditor would, it reads the
log over a Redis connection of its own. `livestream.audit` judges the log by itself; here it is
compared with the memory of everybody who was there.

Owns the comparison. Refuses to know how either side came about.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from redis import asyncio as aioredis

from cart import clock
from cart.order import OrderStatus
from livestream import wire
from livestream.announcing import public_frame
from livestream.audit import Acknowledged, Evidence
from livestream.demo.witness import OrderTold, Witness
from livestream.journal import read_log
from livestream.room import Room, RoomState, evolve


class Truth(NamedTuple):
    """The log, folded: the room as it ended, and every public frame by its seq."""

    room: Room
    frames: Mapping[int, Mapping[str, Any]]

    @property
    def settled(self) -> bool:
        """Nothing is held, owed or waited for."""
        return clock.is_settled(self.room.counter)

    @property
    def gross(self) -> dict[str, int]:
        """GMV by currency, in minor units."""
        gross: Counter[str] = Counter()
        for currency, skus in self.room.state.books.takings.items():
            for by_channel in skus.values():
                gross[currency] += sum(row.gross_minor for row in by_channel.values())
        return dict(gross)


def evidence(witness: Witness, demand_exceeded: bool) -> Evidence:
    """What the auditor is given beside the log: what buyers were told."""
    acknowledged = [
        Acknowledged(
            told.viewer, told.checkout_id, order_id, told.total_minor, order_id in witness.paid
        )
        for order_id, told in {**witness.paid, **witness.orders}.items()
    ]
    return Evidence(acknowledged=acknowledged, demand_exceeded=demand_exceeded)


async def read_truth(redis: aioredis.Redis, name: str) -> Truth:
    """Fold the log of a room.

    Raises:
        BrokenBooksError: the log contradicts itself.
        msgspec.DecodeError: it cannot be read.
    """
    room = Room(RoomState(name))
    frames: dict[int, Mapping[str, Any]] = {}
    async for _, record in read_log(redis, name):
        for fact in record.facts:
            evolve(room, fact, record.at_ms)
            public = public_frame(fact, room.state.seq, record.at_ms)
            if public is not None and public[0] == "viewers":
                frames[room.state.seq] = public[1]
    return Truth(room, frames)


async def settled_truth(redis: aioredis.Redis, name: str, within_s: float) -> Truth:
    """The log once nothing in it is open any more, or as it is after `within_s`. Raises as
    `read_truth`.
    """
    give_up_at_s = time.monotonic() + within_s
    while True:
        truth = await read_truth(redis, name)
        if truth.settled or time.monotonic() > give_up_at_s:
            return truth
        await asyncio.sleep(0.25)


def compare(witness: Witness, truth: Truth, enough: Mapping[str, bool]) -> list[str]:
    """Everything that does not agree; empty when all is well. `enough` tells of which drops the
    crowd wanted more than there was: those must be sold to the last unit.
    """
    return [
        *witness.findings,
        *_frames(witness, truth),
        *_gaps(witness, truth),
        *_orders(witness, truth),
        *_money(witness, truth),
        *_perks(witness, truth),
        *_drops(truth, enough),
    ]


def _frames(witness: Witness, truth: Truth) -> Iterator[str]:
    for seq, seen in sorted(witness.frames.items()):
        said = truth.frames.get(seq)
        if said is None:
            yield f"viewers saw seq {seq}, which the log does not make public"
        elif wire.decode_frame(seen) != wire.decode_frame(wire.encode(said)):
            yield f"viewers saw {seen!r} under seq {seq}, the log says {said}"


def _gaps(witness: Witness, truth: Truth) -> Iterator[str]:
    public = sorted(truth.frames)
    for viewer, span in witness.spans:
        expected = bisect_right(public, span.last) - bisect_right(public, span.start)
        if span.count != expected:
            yield f"{viewer} saw {span.count} of {expected} frames after {span.start}"


def _orders(witness: Witness, truth: Truth) -> Iterator[str]:
    orders = truth.room.state.books.orders
    for order_id, told in (*witness.orders.items(), *witness.paid.items()):
        order = orders.get(order_id)
        if order is None:
            yield f"order {order_id} was acknowledged and is not in the log"
        elif told != OrderTold(order.viewer, order.checkout_id, order.total_minor, order.currency):
            yield f"order {order_id} was told as {told}, the log says {order}"
    paid = {order_id for order_id, order in orders.items() if order.status is OrderStatus.PAID}
    for order_id in sorted(paid - witness.paid.keys()):
        yield f"order {order_id} is paid and its buyer was not told"
    for order_id in sorted(witness.paid.keys() - paid):
        yield f"order {order_id} was told as paid and is not"
    if not truth.settled:
        yield "something is still held, owed or waited for after everybody left"


def _money(witness: Witness, truth: Truth) -> Iterator[str]:
    told: Counter[str] = Counter()
    for order in witness.paid.values():
        told[order.currency] += order.total_minor
    if dict(told) != {currency: gross for currency, gross in truth.gross.items() if gross}:
        yield f"viewers were told of {dict(told)} paid, the log says {truth.gross}"


def _perks(witness: Witness, truth: Truth) -> Iterator[str]:
    books = truth.room.state.books
    given = {
        (drop_id, perk_id, order_id): rank
        for drop_id, perks in [
            (None, books.perks),
            *((d, books.drops[d].perks) for d in books.drops),
        ]
        for perk_id, perk in perks.items()
        for order_id, rank in perk.ranks.items()
    }
    for key in sorted(given.keys() | witness.ranks.keys(), key=str):
        if given.get(key) != witness.ranks.get(key):
            yield f"perk of {key}: told {witness.ranks.get(key)}, the log says {given.get(key)}"


def _drops(truth: Truth, enough: Mapping[str, bool]) -> Iterator[str]:
    for drop_id, drop in truth.room.state.books.drops.items():
        if enough.get(drop_id) and drop.stock.sold != drop.stock.supplied:
            stock = drop.stock
            yield f"{drop_id}: {stock.sold} sold of {stock.supplied}, though more were wanted"
