"""How far the drops are, for the desk: lines, holds, perks; and what the desk itself did. Pure.

Owns what the host sees beside the levels. Refuses to know how it gets there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal, TypedDict

from cart.books import Books
from cart.drop import Drop
from cart.hold import Hold
from cart.perk import PerkBook, PerkTerms
from livestream.once import Answered

#: Holds that one ledger looks at, the oldest first, and so those that run out first: 5,000 x 0.3 us
#: = 1.5 ms, four times a second.
HOLDS_LOOKED_MAX = 5_000
#: A hold that ends within this time is told as about to run out.
ENDING_MS = 30_000
#: Commands of the desk in each ledger: 16 x about 120 bytes = 2 KB.
COMMANDS_TOLD_MAX = 16


class PerkLine(TypedDict):
    """One perk: `given` of `first_n` ranks are with paid orders, `freed` wait for the next paid
    order after a refund passed them on (`on_refund`).
    """

    perk_id: str
    name: str
    first_n: int
    given: int
    freed: int
    on_refund: Literal["stay", "pass"]


class CouponCounts(TypedDict):
    """How many coupons were declared, and of all of them the redemptions that orders hold which
    wait, and those of paid orders. Codes are for those who know them: `GET …/coupons` lists them.
    """

    declared: int
    held: int
    redeemed: int


class LineNow(TypedDict):
    """The waiting line beside `waiting` and `next`: how many ever joined, since when the first of
    those who wait now does so (null: nobody waits), and offers that lie in carts.
    """

    joined: int
    oldest_since_ms: int | None
    offers_open: int


class HoldsNow(TypedDict):
    """Holds in carts and in orders that are not paid, how many of both end within 30 s, and when
    the first does (null: there are none). Of more than 5,000 in the room the oldest are counted.
    """

    in_carts: int
    in_orders: int
    ending: int
    first_ends_at_ms: int | None


class DeskLine(TypedDict):
    """A command of the desk that was done under a key of its sender's."""

    key: str
    by: str
    command: str
    at_ms: int


def perk_lines(terms: Sequence[PerkTerms], books: Mapping[str, PerkBook]) -> list[PerkLine]:
    """Perks as declared, with how many are given."""
    return [
        {
            "perk_id": perk.perk_id,
            "name": perk.name,
            "first_n": perk.first_n,
            "given": len(books[perk.perk_id].ranks),
            "freed": len(books[perk.perk_id].freed),
            "on_refund": perk.on_refund,
        }
        for perk in terms
    ]


def no_holds() -> HoldsNow:
    """Of a drop of which nothing is held."""
    return {"in_carts": 0, "in_orders": 0, "ending": 0, "first_ends_at_ms": None}


def holds_by_drop(holds: Iterable[Hold], now_ms: int) -> tuple[dict[str, HoldsNow], dict[str, int]]:
    """The holds of each drop that has some, and how many of them are offers in carts."""
    told: dict[str, HoldsNow] = {}
    offers: dict[str, int] = {}
    for hold in islice(holds, HOLDS_LOOKED_MAX):
        now = told.setdefault(hold.drop_id, no_holds())
        now["in_orders" if hold.order_id else "in_carts"] += 1
        first_ms = now["first_ends_at_ms"]
        if first_ms is None or hold.expires_at_ms < first_ms:
            now["first_ends_at_ms"] = hold.expires_at_ms
        if hold.expires_at_ms <= now_ms + ENDING_MS:
            now["ending"] += 1
        if hold.offered and not hold.order_id:
            offers[hold.drop_id] = offers.get(hold.drop_id, 0) + 1
    return told, offers


def line_now(drop: Drop, offers_open: int) -> LineNow:
    """The waiting line of one drop."""
    head = drop.line.places.get(drop.line.next)
    return {
        "joined": drop.line.joined,
        "oldest_since_ms": None if head is None else head.since_ms,
        "offers_open": offers_open,
    }


def room_perks(books: Books) -> list[PerkLine]:
    """The perks of the room itself."""
    return perk_lines(books.rules.perks, books.perks)


def coupon_counts(books: Books) -> CouponCounts:
    """All coupons of the room together: two looks at COUPONS_MAX at most, 0.1 ms."""
    coupons = books.coupons.values()
    return {
        "declared": len(books.coupons),
        "held": sum(coupon.held for coupon in coupons),
        "redeemed": sum(coupon.redeemed for coupon in coupons),
    }


def desk_lines(answered: dict[str, Answered]) -> list[DeskLine]:
    """What the desk did last under keys, newest last."""
    latest = list(islice(reversed(answered), COMMANDS_TOLD_MAX))
    return [
        {"key": key, "by": one.by, "command": one.command, "at_ms": one.at_ms}
        for key, one in ((key, answered[key]) for key in reversed(latest))
    ]
