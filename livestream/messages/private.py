"""What one viewer is told: the welcome, replies, and news of the own holds and orders.

Owns the frames of the private lane. Refuses to know which decisions and facts they tell.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from cart.money import Currency
from cart.outcome import ErrorCode
from cart.refund import UnitsBack
from livestream.messages.connection import Role
from livestream.messages.views import Snapshot


class Welcome(TypedDict):
    """The first frame. With `resumed` true there is no snapshot: the missed frames follow
    instead.
    """

    type: Literal["welcome"]
    room: str
    viewer: str
    role: Role
    epoch: int
    seq: int
    server_time_ms: int
    resumed: bool
    snapshot: NotRequired[Snapshot]


class Error(TypedDict):
    """A refusal. `retry_after_ms` is there when waiting helps."""

    code: ErrorCode
    message: str
    retryable: bool
    retry_after_ms: NotRequired[int]


class Reply(TypedDict):
    """The answer to the command `to`: `result` when ok, else `error`. A frame that could not be
    read has no id: then `to` is null.
    """

    type: Literal["reply"]
    to: str | None
    ok: bool
    result: NotRequired[dict[str, Any]]
    error: NotRequired[Error]


class ChatNotShown(TypedDict):
    """Lines of chat of this connection that did not come on anybody's screen: more was said than
    can be read. They will not come later.
    """

    type: Literal["chat.not_shown"]
    message_ids: list[str]


class HoldExpired(TypedDict):
    """Units in the cart went back."""

    type: Literal["hold.expired"]
    hold_id: str
    sku: str
    quantity: int


class HoldOffered(TypedDict):
    """The waiting is over: these units are held for you, until `expires_at_ms`. Fewer than wanted,
    if no more were free; who wants the rest joins again.
    """

    type: Literal["hold.offered"]
    hold_id: str
    drop_id: str
    sku: str
    quantity: int
    price_minor: int
    currency: Currency
    expires_at_ms: int


class LineLeft(TypedDict):
    """You were next, and could not be offered anything: by now you have as many units as the
    limits allow, a cart that takes no more, or are no longer invited; or the presale for which you
    waited takes no deposits any more, or what your channel had is sold out for good.
    """

    type: Literal["line.left"]
    drop_id: str
    sku: str
    number: int
    reason: Literal["limit", "cart", "invitation", "presale", "sold_out"]


class OrderChanged(TypedDict):
    """An order of this viewer moved by itself (its placing is told in the reply to `checkout`)."""

    type: Literal["order.paid", "order.expired", "order.refunded"]
    order_id: str
    total_minor: int
    currency: Currency
    paid_seq: NotRequired[int]


class OrderRefundedPartly(TypedDict):
    """A part of what this viewer paid goes back: `amount_minor` now, `refunded_minor` in all so
    far. The order stays paid; `lines` are the units that went back, none for an amount alone.
    """

    type: Literal["order.refunded_partly"]
    order_id: str
    refund_id: str
    amount_minor: int
    refunded_minor: int
    total_minor: int
    currency: Currency
    lines: list[UnitsBack]


class DepositPaid(TypedDict):
    """The deposit of this viewer's order is paid: the balance is due in its window."""

    type: Literal["deposit.paid"]
    order_id: str
    deposit_minor: int
    balance_minor: int
    currency: Currency
    balance_from_ms: int
    balance_until_ms: int


class OrderDefaulted(TypedDict):
    """The balance of this viewer's order was not paid in time: the units are gone. The deposit,
    `amount_minor`, is `forfeited` or on its way back.
    """

    type: Literal["order.defaulted"]
    order_id: str
    amount_minor: int
    currency: Currency
    forfeited: bool


class OrderCancelled(TypedDict):
    """The house gave the deposit of this viewer's order back, `amount_minor`: the order has
    ended.
    """

    type: Literal["order.cancelled"]
    order_id: str
    amount_minor: int
    currency: Currency


class PaymentFailed(TypedDict):
    """The provider declined, or money came for which there was nothing to give and is on its way
    back.
    """

    type: Literal["payment.declined", "payment.returned"]
    order_id: str
    reason: str


class PerkAwarded(TypedDict):
    """This viewer's order is among the first N of a drop, or (null) of the room."""

    type: Literal["perk.awarded"]
    order_id: str
    drop_id: str | None
    perk_id: str
    name: str
    rank: int


class EditionNumbered(TypedDict):
    """Paid units of this viewer have their numbers: "37 of 200" is number 37 with `of` 200. Each
    has a certificate from here on.
    """

    type: Literal["edition.numbered"]
    order_id: str
    drop_id: str
    sku: str
    numbers: list[int]
    of: int


class SlotMoved(TypedDict):
    """A place of this viewer's order in a delivery slot: `taken` for good, or free again for the
    `reason` given.
    """

    type: Literal["slot.taken", "slot.released"]
    order_id: str
    slot_id: str
    perk_id: str
    reason: NotRequired[
        Literal["expired", "defaulted", "cancelled", "not_won", "refunded", "changed"]
    ]
