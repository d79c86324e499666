"""Everything that a report tells, as one value.

Owns the shapes, which are those of its JSON. Money is minor units with its currency, times are
milliseconds since the Unix epoch, spans are milliseconds. None means: it did not happen, or nobody
recorded it; never zero.

Refuses to know where a figure comes from and how it is shown.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cart.money import Currency
from livestream import wire

#: The standard error of the count of different viewers, as Redis documents its HyperLogLog.
UNIQUE_ERROR = "0.81 %"


# -- what was sold -----------------------------------------------------------------------------


class Winner(Struct, frozen=True):
    """An order that has a perk: rank 1 was paid first."""

    rank: int
    order_id: str
    viewer: str


class PerkReport(Struct, frozen=True):
    """A perk of a drop, or of the room, and who has it, by rank."""

    perk_id: str
    name: str
    first_n: int
    on_refund: Literal["stay", "pass"]
    winners: list[Winner]


class DropReport(Struct, frozen=True):
    """One drop. `supply` counts restocks too. The two spans count from the first opening: to the
    moment in which the last free unit went into a cart, and to the one in which the last unit was
    paid for.
    """

    drop_id: str
    sku: str
    title: str
    status: str
    price_minor: int
    currency: Currency
    supply: int
    sold: int
    withdrawn: int
    held: int
    available: int
    opened_at_ms: int | None
    all_held_after_ms: int | None
    sold_out_at_ms: int | None
    sold_out_after_ms: int | None
    holds_placed: int
    holds_expired: int
    perks: list[PerkReport]


class CouponReport(Struct, frozen=True):
    """A coupon: of its `supply` so many are held by orders that wait and redeemed by paid ones, and
    what it took off those, in minor units by currency. A refund does not give a redemption back.
    """

    code: str
    supply: int
    held: int
    redeemed: int
    discount_minor: dict[Currency, int]


class TakingsReport(Struct, frozen=True):
    """Money and units of one currency, or of one product or channel in it. Net is gross less
    refunded. Of the deposits of presales, what was applied to paid orders is in gross.
    """

    currency: Currency
    name: str
    gross_minor: int
    refunded_minor: int
    net_minor: int
    units_sold: int
    units_refunded: int
    deposits_minor: int = 0
    deposits_applied_minor: int = 0
    deposits_forfeited_minor: int = 0
    deposits_refunded_minor: int = 0


#: Figures of the takings that are of presales only.
DEPOSITS = tuple(name for name in TakingsReport.__struct_fields__ if name.startswith("deposits"))


class Funnel(Struct, frozen=True):
    """Different viewers, each counted once, however often they came and bought.

    `saw` is an estimate (see UNIQUE_ERROR), and None where nobody was counted; the others are
    exact: had a unit in the cart, placed an order, paid one.
    """

    saw: int | None
    cart: int
    checkout: int
    paid: int


# -- who came ----------------------------------------------------------------------------------


class ChannelReport(Struct, frozen=True):
    """One channel. A join is a connection: who comes back joins again. `orders_paid` is the log's,
    the rest is counted by the gateways.
    """

    channel: str
    joined: int
    watched_ms: int
    watched_ms_per_join: int | None
    orders_paid: int


class AudienceReport(Struct, frozen=True):
    """The audience. `unique` and `watched_ms_per_viewer` are of viewers with a ticket: guests have
    no id by which to tell them apart.
    """

    peak: int
    peak_at_ms: int | None
    unique: int
    joined: int
    left: int
    guests_joined: int
    likes: int
    watched_ms: int
    watched_ms_per_viewer: int | None
    by_channel: list[ChannelReport]


class ChatReport(Struct, frozen=True):
    """Lines of chat: taken from viewers, shown to everybody, and left out because more was said
    than anybody can read.
    """

    accepted: int
    shown: int
    skipped: int


class Chances(Struct, frozen=True):
    """How those of one gateway or channel fared who asked for a unit. `low` and `high` bound the
    rate that is behind `wins` of `attempts` (Wilson's interval, 95 %).
    """

    name: str
    attempts: int
    wins: int
    rate: float
    low: float
    high: float


class FairnessReport(Struct, frozen=True):
    """Attempts to get a unit, and wins, as the gateways answered them."""

    by_gateway: list[Chances]
    by_channel: list[Chances]


# -- the run of the show -----------------------------------------------------------------------


class Mark(Struct, frozen=True):
    """Something that the room did at a moment: its kind is the fact's own name."""

    at_ms: int
    kind: str
    title: str


class Timeline(Struct, frozen=True):
    """The run of the show in steps of `step_ms` from `from_ms`. Each list has one figure a step;
    those of an audience that nobody counted are empty. `viewers` is the most in a step, None where
    nobody counted; the others are what came in the step.
    """

    from_ms: int
    step_ms: int
    steps: int
    gross_minor: dict[Currency, list[int]]
    orders_paid: list[int]
    viewers: list[int | None]
    joined: list[int]
    attempts: list[int]
    chat: list[int]
    likes: list[int]


# -- whether it adds up ------------------------------------------------------------------------


class Comparison(Struct, frozen=True):
    """One figure as each source has it; None where a source knows no such figure or was not asked.

    `orders`: added up order by order. `books`: the running sums that the engine keeps. `payments`:
    added up payment by payment. `provider`: the payment provider's own account. `metrics`: the
    ledger, from which the scraped metrics are made.
    """

    figure: str
    currency: Currency | None
    orders: int | None
    books: int | None
    payments: int | None
    provider: int | None
    metrics: int | None
    agrees: bool


class Reconciliation(Struct, frozen=True):
    """Whether every figure that was compared is the same everywhere, and what was not compared."""

    agrees: bool
    figures: list[Comparison]
    not_compared: list[str]


# -- the whole ---------------------------------------------------------------------------------


class Report(Struct, frozen=True):
    """Everything the desk wants to know after the show.

    `orders` counts what stands at placed, paid, expired and refunded now (in presales at deposited,
    defaulted and cancelled too), `payments` likewise at
    processing, declined, confirmed, refunding and refunded. `duration_ms` is from start to end, or
    to the last thing that happened. What needs a counted audience is None without one.
    """

    room: str
    title: str
    status: str
    seq: int
    epochs: int
    started_at_ms: int | None
    ended_at_ms: int | None
    duration_ms: int | None
    drops: list[DropReport]
    #: Perks of the room itself.
    perks: list[PerkReport]
    coupons: list[CouponReport]
    orders: dict[str, int]
    #: channel -> the same counts of the orders that came through it; a count of zero is left out.
    orders_by_channel: dict[str, dict[str, int]]
    first_order_at_ms: int | None
    last_order_at_ms: int | None
    first_paid_at_ms: int | None
    last_paid_at_ms: int | None
    payments: dict[str, int]
    payments_declined: int
    payments_returned: int
    #: Refunds that the provider has not confirmed yet.
    refunds_owed: int
    gmv: list[TakingsReport]
    by_product: list[TakingsReport]
    by_channel: list[TakingsReport]
    funnel: Funnel
    audience: AudienceReport | None
    chat: ChatReport | None
    fairness: FairnessReport | None
    timeline: Timeline | None
    marks: list[Mark]
    #: Marks beyond the first MARKS_MAX, which are not in the list.
    marks_left_out: int
    reconciliation: Reconciliation

    @property
    def name(self) -> str:
        """What people call the show."""
        return self.title or self.room


def json_of(report: Report) -> str:
    """The whole report, for machines."""
    return wire.encode_state(report).decode()
