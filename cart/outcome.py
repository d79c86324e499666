"""Every answer that a command can get, on one page.

A command is answered either with a result (one of the TypedDicts at the end) or with a `Refusal`
from this closed list:

    code               retryable  who sees it
    -----------------  ---------  ------------------------------------------------------------
    sold_out           no         every unit is paid for
    all_held           yes        no unit is free now, some are held and may come back
    in_line            no         you wait for it already
    limit_reached      no         the viewer's limit here or of this drop, holds and orders together
    not_open           yes        the drop is not open, or not for this viewer: not yet, or paused
    not_invited        no         the room or the drop is for others
    closed             no         the drop or the room has ended
    empty_cart         no         nothing is held to check out
    hold_expired       no         it was held, and the time ran out
    slot_full          no         no place is left in that delivery slot
    coupon_rejected    no         the coupon takes nothing off: unknown, over, used up, other pieces
    payment_declined   yes        the provider said no; the order still stands until its deadline
    conflict           no         same id, other content; or the state does not allow it any more
    invalid            no         malformed, out of bounds, unknown type
    not_found          no         no such room, drop, card, order
    forbidden          no         the role may not do that
    muted              no         a moderator took the word away
    rate_limited       yes        slower, please: `retry_after_ms` says when
    busy               yes        the engine is behind or between owners; nothing was done

Owns the closed list. Refuses to know how an answer travels. "Sold out" is a value, not an
exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, NotRequired, TypedDict

from msgspec import Struct

from cart.fact import Fact
from cart.money import Currency
from cart.order import OrderStatus, PaymentStatus


class ErrorCode(StrEnum):
    """The closed list of refusals (see the table above)."""

    SOLD_OUT = "sold_out"
    ALL_HELD = "all_held"
    IN_LINE = "in_line"
    LIMIT_REACHED = "limit_reached"
    NOT_OPEN = "not_open"
    NOT_INVITED = "not_invited"
    CLOSED = "closed"
    EMPTY_CART = "empty_cart"
    HOLD_EXPIRED = "hold_expired"
    SLOT_FULL = "slot_full"
    COUPON_REJECTED = "coupon_rejected"
    PAYMENT_DECLINED = "payment_declined"
    CONFLICT = "conflict"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    MUTED = "muted"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"

    @property
    def retryable(self) -> bool:
        """Whether the same command may succeed later, unchanged."""
        return self in _RETRYABLE


_RETRYABLE = frozenset(
    {
        ErrorCode.ALL_HELD,
        ErrorCode.NOT_OPEN,
        ErrorCode.PAYMENT_DECLINED,
        ErrorCode.RATE_LIMITED,
        ErrorCode.BUSY,
    }
)


class Refusal(Struct, frozen=True, gc=False):
    """No, and why. `message` is one English sentence for a developer; clients translate by
    `code`.
    """

    code: ErrorCode
    message: str
    retry_after_ms: int = 0


class HoldResult(TypedDict):
    """Answer to `cart.add`: units reserved until `expires_at_ms`, at a price frozen now. With
    `reserved` false it is a wish, of a drop that reserves at the checkout (at the price of then) or
    by the payment.
    """

    hold_id: str
    drop_id: str
    sku: str
    quantity: int
    price_minor: int
    currency: Currency
    expires_at_ms: int
    reserved: NotRequired[bool]


class RemoveResult(TypedDict):
    """Answer to `cart.remove`: how many units went back."""

    sku: str
    removed: int


class CartResult(TypedDict):
    """Answer to `cart.show`: what the viewer holds, the orders that still wait or were made, the
    lines in which the viewer waits, and the lotteries, not drawn yet, that the viewer has entered.
    """

    holds: list[HoldResult]
    orders: list[OrderResult]
    waiting: list[PlaceResult]
    entries: NotRequired[list[EntryResult]]


class PlaceResult(TypedDict):
    """A place in line (answer to `line.join`): at most `ahead` viewers come first, and `held` units
    may still come back. `stock.changed` tells how the line moves: `number - next` is what is left.
    """

    drop_id: str
    sku: str
    quantity: int
    number: int
    ahead: int
    held: int


class LineResult(TypedDict):
    """One line of an order. What it costs is quantity x price, with `extras_minor` more where its
    units are personalised for a price, and `discount_minor` less where a coupon takes that off.
    """

    sku: str
    quantity: int
    price_minor: int
    extras_minor: NotRequired[int]
    discount_minor: NotRequired[int]


class PerkResult(TypedDict):
    """A perk that an order won: rank 1 is the first of the first N. Without a drop it is one of
    the room.
    """

    drop_id: str | None
    perk_id: str
    name: str
    rank: int


class EditionResult(TypedDict):
    """Numbers that an order has of a numbered drop: "37 of 200" is number 37 with `of` 200."""

    drop_id: str
    sku: str
    numbers: list[int]
    of: int


class PresaleResult(TypedDict):
    """The two payments of an order of a presale. The deposit is due first, by the order's
    `expires_at_ms`; the balance is taken from `balance_from_ms` until `balance_until_ms`.
    """

    deposit_minor: int
    balance_minor: int
    balance_from_ms: int
    balance_until_ms: int
    on_default: Literal["forfeit", "refund"]


class SlotResult(TypedDict):
    """A delivery slot: `free` of `capacity` places are left for orders that win the perk."""

    slot_id: str
    perk_id: str
    city: str
    from_ms: int
    until_ms: int
    capacity: int
    free: int


class SlotsResult(TypedDict):
    """Answer to `slots.show`: the earliest first; with `more` there are others after the last."""

    slots: list[SlotResult]
    more: bool


class SlotChoice(TypedDict):
    """Answer to `slot.choose`, and the place of an order: held until it is paid, then taken."""

    slot_id: str
    perk_id: str
    city: str
    from_ms: int
    until_ms: int
    status: Literal["held", "taken"]


class EntryResult(TypedDict):
    """Answer to `lottery.enter`: the `number`-th entry, published as `entry` (the SHA-256 of the
    viewer's id); drawn at `drawn_at_ms`.
    """

    drop_id: str
    sku: str
    number: int
    entry: str
    drawn_at_ms: int


class OrderResult(TypedDict):
    """Answer to `checkout` and `order.pay`: the order as it stands."""

    order_id: str
    checkout_id: str
    status: OrderStatus
    lines: list[LineResult]
    total_minor: int
    currency: Currency
    expires_at_ms: int
    personalisation: NotRequired[dict[str, dict[str, str]]]
    coupon: NotRequired[str]
    paid_seq: NotRequired[int]
    payment: NotRequired[PaymentStatus]
    perks: NotRequired[list[PerkResult]]
    refunded_minor: NotRequired[int]
    editions: NotRequired[list[EditionResult]]
    presale: NotRequired[PresaleResult]
    slots: NotRequired[list[SlotChoice]]


class Decision(Struct, frozen=True, gc=False):
    """What a command leads to: facts for the log, in order, and the answer to whoever asked.

    A refusal never comes with facts. The result is the JSON object of a successful reply: one of
    the TypedDicts above, or a small dict that its command documents.
    """

    facts: Sequence[Fact]
    answer: Mapping[str, Any] | Refusal


def refuse(code: ErrorCode, message: str, retry_after_ms: int = 0) -> Decision:
    """A decision to do nothing, and why."""
    return Decision((), Refusal(code, message, retry_after_ms))
