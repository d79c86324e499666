"""The desk's numbers: money, stock, orders and audience of a room, as one JSON object. Pure.

Owns what the host sees of the books. Refuses to know how it gets there.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

from msgspec import to_builtins

from cart.books import Books, Takings
from cart.drop import DropTerms
from livestream.engine.progress import (
    CouponCounts,
    DeskLine,
    HoldsNow,
    LineNow,
    PerkLine,
    coupon_counts,
    desk_lines,
    holds_by_drop,
    line_now,
    no_holds,
    perk_lines,
    room_perks,
)
from livestream.engine.pulse import AudienceTotals
from livestream.flight import Engine, Flight, Watch, flight_of
from livestream.messages import CardView, DropView, RoomStatus
from livestream.moderation import Action, ActionType
from livestream.room import Room
from livestream.views import card_view, drop_view

#: The newest of what moderators did, told with the numbers: 20 x at most 400 bytes = 8 KB, and 2 as
#: a rule. A desk that has missed more asks for them.
ACTIONS_TOLD = 20


class TotalLine(TypedDict):
    """Money in one currency, in minor units."""

    currency: str
    gross_minor: int
    refunded_minor: int
    net_minor: int


class TakingsLine(TypedDict):
    """Money and units of one currency, SKU and channel. Deposits of presales: all that were
    received, and of them what became part of a paid order, was forfeited, and went back.
    """

    currency: str
    sku: str
    channel: str
    gross_minor: int
    refunded_minor: int
    units_sold: int
    units_refunded: int
    deposits_minor: int
    deposits_applied_minor: int
    deposits_forfeited_minor: int
    deposits_refunded_minor: int


class DropLine(DropView):
    """A drop with the books' own levels of now, which viewers are told a little later. It opened
    first at `opened_at_ms` (0: not yet); `entered` counts the entries of a lottery.
    """

    withdrawn: int
    perks_awarded: int
    perks_given: list[PerkLine]
    opened_at_ms: int
    line: LineNow
    holds: HoldsNow
    entered: int


class OrderCounts(TypedDict):
    """Orders by what became of them. `placed` counts all there ever were, `deposited` and `paid`
    all that ever were so; `cancelled` had only their deposit paid, and got it back.
    """

    placed: int
    paid: int
    expired: int
    refunded: int
    deposited: int
    defaulted: int
    cancelled: int


class HoldCounts(TypedDict):
    """Holds ever placed, and those open now."""

    placed: int
    open: int


class ChatCounts(TypedDict):
    """Lines shown so far, those left out because more was said than anybody reads, and those that
    were about to be shown and had a blocked word.
    """

    shown: int
    skipped: int
    blocked: int


class ActionLine(TypedDict):
    """What somebody at the desk did about the chat: `by` is the name in the host token, what is
    absent does not apply. `undone` says the contrary of `type`: unmuted, let in, unpinned. `words`
    is how many are blocked since then.
    """

    seq: int
    at_ms: int
    by: str
    type: ActionType
    viewer: NotRequired[str]
    message_id: NotRequired[str]
    name: NotRequired[str]
    text: NotRequired[str]
    interval_ms: NotRequired[int]
    words: NotRequired[int]
    undone: NotRequired[bool]


class EngineCounts(TypedDict):
    """What this owner did since it began, at `since_ms`. `append_ms_worst` (the slowest append) and
    `inbox_wait_ms_worst` (the longest that a batch of commands waited to be taken) are of the last
    ten seconds.
    """

    decisions: int
    records: int
    append_ms_last: float
    append_ms_worst: float
    inbox_wait_ms_worst: int
    since_ms: int


class Ledger(TypedDict):
    """Everything a panel needs beside the public frames. A room at rest has no owner, and these
    numbers stay as they are until a command wakes it. `perks` are those of the room itself, `desk`
    the last commands of the desk that had a key, `buyers` different viewers with a paid order.
    """

    room: str
    title: str
    sandbox: bool
    status: RoomStatus
    seq: int
    epoch: int
    owner: str
    resting: bool
    at_ms: int
    totals: list[TotalLine]
    takings: list[TakingsLine]
    drops: list[DropLine]
    drafts: list[DropTerms]
    perks: list[PerkLine]
    coupons: CouponCounts
    desk: list[DeskLine]
    orders: OrderCounts
    holds: HoldCounts
    cards: list[CardView]
    pinned: str | None
    audience: AudienceTotals
    chat: ChatCounts
    actions: list[ActionLine]
    refusals: dict[str, int]
    engine: EngineCounts
    buyers: int
    flight: Flight


def ledger_of(
    room: Room,
    owner: str | None,
    at_ms: int,
    audience: AudienceTotals,
    chat: ChatCounts,
    refusals: dict[str, int],
    engine: EngineCounts,
    watch: Watch,
) -> Ledger:
    """The numbers of a room as its books stand; without an owner it is at rest."""
    state, books = room.state, room.state.books
    drops = drop_lines(books, at_ms)
    resting = owner is None
    # At rest nobody looks at what goes by, and what went wrong last must not stand for days.
    worst = (0.0, 0) if resting else (engine["append_ms_worst"], engine["inbox_wait_ms_worst"])
    flight = flight_of(
        watch.at_rest() if resting else watch,
        [] if resting else audience["gateways"],
        Engine(*worst),
        [drop["title"] for drop in drops if not _adds_up(drop)],
        needs_gateway=state.status == "live" and not resting,
    )
    return {
        "room": state.room,
        "title": state.title,
        "sandbox": state.sandbox,
        "status": state.status,
        "seq": state.seq,
        "epoch": state.epoch,
        "owner": owner or "",
        "resting": resting,
        "at_ms": at_ms,
        "totals": totals_of(books),
        "takings": takings_of(books),
        "drops": drops,
        "drafts": [to_builtins(terms) for terms in books.drafts.values()],
        "perks": room_perks(books),
        "coupons": coupon_counts(books),
        "desk": desk_lines(state.answered),
        "orders": {
            "placed": books.orders_placed,
            "paid": books.orders_paid,
            "expired": books.orders_expired,
            "refunded": books.orders_refunded,
            "deposited": books.orders_deposited,
            "defaulted": books.orders_defaulted,
            "cancelled": books.orders_cancelled,
        },
        "holds": {"placed": books.holds_placed, "open": len(books.holds)},
        "cards": [card_view(card) for card in state.cards.values()],
        "pinned": state.pinned,
        "audience": audience,
        "chat": chat,
        "actions": [action_line(action) for action in state.actions[-ACTIONS_TOLD:]],
        "refusals": refusals,
        "engine": engine,
        "buyers": watch.buyers,
        "flight": flight,
    }


def _adds_up(drop: DropLine) -> bool:
    units = drop["available"] + drop["held"] + drop["sold"] + drop["withdrawn"]
    return units == drop["supply"]


def action_line(action: Action) -> ActionLine:
    """An action as desks are told of it."""
    line = cast(ActionLine, to_builtins(action))
    line["by"] = action.by.removeprefix("desk:")
    return line


def totals_of(books: Books) -> list[TotalLine]:
    """Money by currency."""
    lines: list[TotalLine] = []
    for currency, by_sku in books.takings.items():
        rows = [row for by_channel in by_sku.values() for row in by_channel.values()]
        gross = sum(row.gross_minor for row in rows)
        refunded = sum(row.refunded_minor for row in rows)
        lines.append(
            {
                "currency": currency,
                "gross_minor": gross,
                "refunded_minor": refunded,
                "net_minor": gross - refunded,
            }
        )
    return lines


def takings_of(books: Books) -> list[TakingsLine]:
    """Money and units by currency, SKU and channel."""
    return [
        _takings_line(currency, sku, channel, row)
        for currency, by_sku in books.takings.items()
        for sku, by_channel in by_sku.items()
        for channel, row in by_channel.items()
    ]


def _takings_line(currency: str, sku: str, channel: str, row: Takings) -> TakingsLine:
    return {
        "currency": currency,
        "sku": sku,
        "channel": channel,
        "gross_minor": row.gross_minor,
        "refunded_minor": row.refunded_minor,
        "units_sold": row.units_sold,
        "units_refunded": row.units_refunded,
        "deposits_minor": row.deposits_minor,
        "deposits_applied_minor": row.deposits_applied_minor,
        "deposits_forfeited_minor": row.deposits_forfeited_minor,
        "deposits_refunded_minor": row.deposits_refunded_minor,
    }


def drop_lines(books: Books, now_ms: int) -> list[DropLine]:
    """Every drop with the levels of the books."""
    lines: list[DropLine] = []
    holds, offers = holds_by_drop(books.holds.values(), now_ms)
    for drop in books.drops.values():
        view, stock = drop_view(drop), drop.stock
        view["status"] = drop.status
        view["available"], view["held"], view["sold"] = stock.available, stock.held, stock.sold
        view["waiting"], view["next"] = len(drop.line.places), drop.line.next
        drop_id, given = drop.terms.drop_id, perk_lines(drop.terms.perks, drop.perks)
        lines.append(
            {
                **view,
                "withdrawn": stock.withdrawn,
                "perks_awarded": sum(perk["given"] for perk in given),
                "perks_given": given,
                "opened_at_ms": drop.opened_at_ms,
                "line": line_now(drop, offers.get(drop_id, 0)),
                "holds": holds.get(drop_id) or no_holds(),
                "entered": 0 if drop.lottery is None else len(drop.lottery.entries),
            }
        )
    return lines
