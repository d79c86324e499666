"""What the log says, next to what people were told. Reads the log and nothing else of ours.

Owns the comparison. Refuses to know how a room is served.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from typing import Any, cast

import orjson
from redis import asyncio as aioredis

from cart.order import OrderStatus
from livestream import keys, wire
from livestream.announcing import public_frame
from livestream.journal import read_log
from livestream.redis_client import StreamEntries
from livestream.room import Room, RoomState, evolve
from livestream.storefront import Storefront
from tests.integration.line import Frame, Line
from tests.integration.shoppers import Shopper


class Log:
    """A room's log, folded, with the frames that it put on air."""

    def __init__(self, name: str) -> None:
        self.room = Room(RoomState(name))
        self.facts: list[Any] = []
        #: (seq, audience, frame) of every public fact.
        self.air: list[tuple[int, str, Frame]] = []
        self._views: dict[int, Frame] = {}

    @classmethod
    async def read(cls, redis: aioredis.Redis, name: str) -> Log:
        """Fold the whole log, from its first record."""
        log = cls(name)
        async for _, record in read_log(redis, name):
            for fact in record.facts:
                evolve(log.room, fact, record.at_ms)
                log.facts.append(fact)
                public = public_frame(fact, log.room.state.seq, record.at_ms)
                if public is not None:
                    log.air.append((log.room.state.seq, public[0], as_heard(public[1])))
        return log

    def of_kind(self, kind: type) -> list[Any]:
        """Facts of one kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def frames_after(self, seq: int) -> list[Frame]:
        """What a viewer who has seen `seq` must still hear."""
        return [frame for at, audience, frame in self.air if at > seq and audience == "viewers"]

    def screen_at(self, seq: int) -> Frame:
        """What a viewer's screen shows who has seen everything up to `seq`."""
        if seq not in self._views:
            view = Storefront(self.room.state.room)
            for at, _, frame in self.air:
                if at > seq:
                    break
                view.apply(orjson.loads(orjson.dumps(frame)))
            shown = view.snapshot(0, 0, [])
            self._views[seq] = as_heard({name: shown[name] for name in _LASTING})  # type: ignore[literal-required]  # names of its own
        return self._views[seq]


_LASTING = (
    "title",
    "status",
    "cards",
    "pinned",
    "drops",
    "slow_mode_ms",
    "pinned_message",
    "stream",
)


def as_heard(frame: Any) -> Frame:
    """A frame as it arrives: through JSON."""
    heard: Frame = orjson.loads(orjson.dumps(frame))
    return heard


async def last_on_air(redis: aioredis.Redis, name: str) -> int:
    """The seq of the last announcement to viewers."""
    latest = cast(StreamEntries, await redis.xrevrange(keys.air(name), count=50))
    frames = [frame for _, fields in latest for frame in wire.decode_air(fields[b"f"])]
    return max(seq for seq, audience, _ in frames if audience == "viewers")


def last_seen(line: Line) -> int:
    """How far a viewer has got."""
    return line.place[1] if line.place else 0


def assert_saw_everything(log: Log, line: Line) -> None:
    """Every announcement of the log, once, in order and unchanged; where a snapshot stood in for
    some, it showed exactly what they would have.
    """
    place = 0
    due = iter(log.frames_after(0))
    for heard in line.story:
        if heard["type"] != "welcome":
            assert heard == next(due, None), f"{line.viewer} after {place}"
            place = heard["seq"]
        elif not heard["resumed"]:
            assert heard["seq"] >= place, f"{line.viewer} was sent back from {place}"
            place = heard["seq"]
            shown = {name: heard["snapshot"][name] for name in _LASTING}
            assert shown == log.screen_at(place), f"{line.viewer}: the snapshot at {place}"
            due = iter(log.frames_after(place))
    missing = list(due)
    assert not missing, f"{line.viewer} has not heard {len(missing)} frames after {place}"


def snapshots_in_between(line: Line) -> int:
    """How often a viewer came back and could not resume."""
    welcomes = [frame for frame in line.story if frame["type"] == "welcome"]
    return sum(not welcome["resumed"] for welcome in welcomes[1:])


def assert_told_the_truth(log: Log, shoppers: Sequence[Shopper]) -> None:
    """Every order that a shopper was told of is in the log as told, and no other; every payment
    too; and the takings are their sum, to the fen, for each channel.
    """
    books = log.room.state.books
    told = {
        (shopper.viewer, checkout_id): order
        for shopper in shoppers
        for checkout_id, order in shopper.told_orders.items()
    }
    in_log = {(order.viewer, order.checkout_id): order for order in books.orders.values()}
    assert len(in_log) == len(books.orders), "one checkout_id, one order"
    assert in_log.keys() == told.keys()
    for key, order in in_log.items():
        assert (order.order_id, order.total_minor, order.currency, len(order.lines)) == (
            told[key]["order_id"],
            told[key]["total_minor"],
            told[key]["currency"],
            len(told[key]["lines"]),
        )
    paid = {
        o.order_id: o.total_minor for o in books.orders.values() if o.status is OrderStatus.PAID
    }
    told_paid = [item for shopper in shoppers for item in shopper.told_paid.items()]
    assert len(told_paid) == len(dict(told_paid)), "an order was paid by two shoppers"
    assert paid == dict(told_paid)
    assert gross_by_channel(log) == _gross_told(shoppers)


def gross_by_channel(log: Log) -> dict[tuple[str, str], int]:
    """(currency, channel) -> minor units, as the books have it."""
    taken: Tally[tuple[str, str]] = Tally()
    for currency, by_sku in log.room.state.books.takings.items():
        for by_channel in by_sku.values():
            for channel, row in by_channel.items():
                taken[currency, channel] += row.gross_minor
    return dict(taken)


def gross(log: Log) -> dict[str, int]:
    """currency -> minor units."""
    total: Tally[str] = Tally()
    for (currency, _), amount_minor in gross_by_channel(log).items():
        total[currency] += amount_minor
    return dict(total)


def _gross_told(shoppers: Iterable[Shopper]) -> dict[tuple[str, str], int]:
    told: Tally[tuple[str, str]] = Tally()
    for shopper in shoppers:
        for order in shopper.told_orders.values():
            if order["order_id"] in shopper.told_paid:
                key = (order["currency"], shopper.channel)
                told[key] += shopper.told_paid[order["order_id"]]
    return dict(told)


def assert_sold_exactly(log: Log, sku: str, supply: int) -> None:
    """Not one unit more, not one less, and nothing is left hanging."""
    drop = log.room.state.books.drops[log.room.state.books.drop_of_sku[sku]]
    stock = drop.stock
    assert (stock.sold, stock.available, stock.held, stock.withdrawn) == (supply, 0, 0, 0)
    limit = drop.terms.limit_per_viewer
    over = {viewer: units for viewer, units in drop.taken.items() if units > limit}
    assert not over, f"more than {limit} for one viewer"
    first = [log.room.state.books.orders[order_id] for order_id in drop.paid_orders]
    first.sort(key=lambda order: order.paid_seq)
    for perk in drop.terms.perks:
        ranks = {order.order_id: rank for rank, order in enumerate(first[: perk.first_n], 1)}
        assert drop.perks[perk.perk_id].ranks == ranks
