"""What a viewer says: msgspec Structs, decoded and validated in one step; the tag field is `type`.

Owns the commands of viewers and their bounds. Refuses to know what they lead to.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cart.bounds import (
    CheckoutId,
    CommandId,
    OrderId,
    PaymentToken,
    PerkId,
    Personalisation,
    Quantity,
    Sku,
    SlotId,
    TimeMs,
    Title,
)
from cart.coupon import CouponCode

#: One inbound message. A checkout of one product with 8 options of 200 CJK characters is 6 KiB of
#: UTF-8, the largest that a buyer needs. Reassembly is the only inbound buffer: 8 KiB x those in
#: mid-message.
MESSAGE_BYTES_MAX = 8 * 1024
CHAT_TEXT_MAX = 200
LIKES_PER_MESSAGE_MAX = 50


class ViewerMessage(Struct, frozen=True, tag_field="type"):
    """Base of all commands. `id` is the client's own: the reply carries it in `to`, a repeat of a
    command that moves stock or money gets the first answer.
    """

    id: CommandId


class CartAdd(ViewerMessage, frozen=True, tag="cart.add"):
    """Reserve units of a drop."""

    sku: Sku
    quantity: Quantity = 1


class CartRemove(ViewerMessage, frozen=True, tag="cart.remove"):
    """Put units back; without `quantity` all of that SKU."""

    sku: Sku
    quantity: Quantity | None = None


class CartShow(ViewerMessage, frozen=True, gc=False, tag="cart.show"):
    """Ask for holds and orders, for instance after a reconnect."""


class LineJoin(ViewerMessage, frozen=True, tag="line.join"):
    """Get units of a drop, now or when they fall free: a hold if that many are free and nobody
    waits, else a place in line.
    """

    sku: Sku
    quantity: Quantity = 1


class LineLeave(ViewerMessage, frozen=True, tag="line.leave"):
    """Wait no more."""

    sku: Sku


class Checkout(ViewerMessage, frozen=True, tag="checkout"):
    """Turn everything held into one order, less what the coupon takes off, with a place in a
    delivery slot for a perk that it may win. `personalisation` is `{sku: {option_id: text}}`. A
    `checkout_id` is of one content: this message and what lies in the cart. Said again, by the same
    `id` or with an empty cart, it answers with the same order.
    """

    checkout_id: CheckoutId
    personalisation: Personalisation = {}
    coupon: CouponCode | None = None
    slot_id: SlotId | None = None


class OrderPay(ViewerMessage, frozen=True, tag="order.pay"):
    """Pay an order with a token from the payment provider."""

    order_id: OrderId
    payment_token: PaymentToken


class SlotsShow(ViewerMessage, frozen=True, tag="slots.show"):
    """Ask for the delivery slots of a perk that are still to come, from `from_ms` on."""

    perk_id: PerkId
    city: Title | None = None
    from_ms: TimeMs = 0


class SlotChoose(ViewerMessage, frozen=True, tag="slot.choose"):
    """Give an order a place in a slot, instead of the one that it has for the same perk."""

    order_id: OrderId
    slot_id: SlotId


class ChatSend(ViewerMessage, frozen=True, gc=False, tag="chat.send"):
    """Say something in the room."""

    text: Annotated[str, Meta(min_length=1, max_length=CHAT_TEXT_MAX)]


class Like(ViewerMessage, frozen=True, gc=False, tag="like"):
    """Taps since the last message."""

    count: Annotated[int, Meta(ge=1, le=LIKES_PER_MESSAGE_MAX)] = 1


class Attention(ViewerMessage, frozen=True, gc=False, tag="attention"):
    """`commerce` stops chat and pulse for this viewer; `full` brings them back."""

    level: Literal["full", "commerce"]


class LotteryEnter(ViewerMessage, frozen=True, tag="lottery.enter"):
    """Enter the lottery of a drop, once; who is drawn is offered a unit as if from the line."""

    sku: Sku


ShoppingMessage = (
    CartAdd
    | CartRemove
    | CartShow
    | LineJoin
    | LineLeave
    | LotteryEnter
    | Checkout
    | OrderPay
    | SlotsShow
    | SlotChoose
)
AnyViewerMessage = ShoppingMessage | ChatSend | Like | Attention
