"""The viewer protocol, version 1, on one page.

Inbound: msgspec Structs, decoded and validated in one step; the tag field is `type`.
Outbound: TypedDicts, plain dicts at run time, which orjson encodes. AsyncAPI is generated from
both.

Owns the vocabulary between a viewer and a gateway. Refuses to know sockets, Redis and decisions.
Money is an integer in minor units with its currency; times end in `_ms`, since the Unix epoch.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta, Struct

from cart.bounds import (
    CardId,
    CheckoutId,
    CommandId,
    OrderId,
    PaymentToken,
    PerkId,
    Personalisation,
    Quantity,
    Sku,
    SlotId,
    Text,
    TimeMs,
    Title,
)
from cart.coupon import CouponCode
from cart.drop import DropStatus
from cart.money import Currency, PriceMinor
from cart.outcome import ErrorCode

SUBPROTOCOL = "livestream.v1"

#: One inbound message. A checkout of one product with 8 options of 200 CJK characters is 6 KiB of
#: UTF-8, the largest that a buyer needs. Reassembly is the only inbound buffer: 8 KiB x those in
#: mid-message.
MESSAGE_BYTES_MAX = 8 * 1024
CHAT_TEXT_MAX = 200
LIKES_PER_MESSAGE_MAX = 50

Role = Literal["viewer", "guest"]
RoomStatus = Literal["created", "live", "ended"]


# -- what a viewer says ------------------------------------------------------------------------


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
    delivery slot for a perk that it may win. `personalisation` is `{sku: {option_id: text}}`.
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


# -- what the room shows -----------------------------------------------------------------------


class Card(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """A product card. One with a `sku` can be bought while a drop sells that SKU."""

    card_id: CardId
    title: Title
    sku: Sku | None = None
    description: Text = ""
    price_minor: PriceMinor | None = None
    currency: Currency | None = None
    #: An absolute https address, or a path on the control server.
    image_url: (
        Annotated[str, Meta(max_length=500, pattern=r"^(https://|/(?!/))[^\s\"<>]*$(?!\n)")] | None
    ) = None


class PerkView(TypedDict):
    """What the first N paid orders get; with `slots` at a time that the buyer chooses."""

    perk_id: str
    name: str
    first_n: int
    slots: bool


class FlashView(TypedDict):
    """Another price for a while: from `from_ms` on, and no longer at `until_ms`, by server time."""

    from_ms: int
    until_ms: int
    price_minor: int


class OptionView(TypedDict):
    """A way to make a piece one's own: a text of at most `characters_max` characters (grapheme
    clusters) in an alphabet, for a price for each unit. Gift wrap takes an empty text.
    """

    option_id: str
    kind: Literal["engraving", "embossing", "gift_wrap", "gift_card"]
    characters_max: int
    alphabet: Literal["latin", "latin_digits", "cjk", "any"]
    price_minor: int
    required: bool


class PresaleView(TypedDict):
    """A drop that is sold by a deposit for each unit, until `deposit_until_ms`, and the rest of the
    price between the other two times; who does not pay it loses the units, and the deposit too if
    `on_default` is `forfeit`.
    """

    deposit_minor: int
    deposit_until_ms: int
    balance_from_ms: int
    balance_until_ms: int
    on_default: Literal["forfeit", "refund"]


class LotteryView(TypedDict):
    """A drop whose units go to those who are drawn of all who entered. `commitment` is the SHA-256
    of the seed, which is null before the draw at `entries_until_ms`.
    """

    entries_from_ms: int
    entries_until_ms: int
    commitment: str
    seed: str | None


class DropView(TypedDict):
    """A drop as viewers see it. The levels, three of units and two of the line (how many wait, and
    the number that is served next), move together and carry the seq of their frame.
    `status` is `all_held` instead of `open` while the levels say that all is held.
    `price_minor` holds outside of the windows of `flash`; the price of a unit is the one at the
    moment in which it is held. With `allocations` by channel, `shelves` says what is free for each
    of these and ("") for all others; it is absent once they have merged.
    """

    drop_id: str
    sku: str
    title: str
    status: DropStatus
    supply: int
    price_minor: int
    currency: Currency
    opens_at_ms: int | None
    limit_per_viewer: int
    reserve_on: Literal["cart", "checkout", "payment"]
    hold_ttl_ms: int
    perks: list[PerkView]
    access: AccessView | None
    flash: NotRequired[list[FlashView]]
    options: NotRequired[list[OptionView]]
    allocations: NotRequired[dict[str, int]]
    merge_at_ms: NotRequired[int]
    shelves: NotRequired[dict[str, int]]
    numbered: bool
    guarantee_days: int
    presale: NotRequired[PresaleView]
    lottery: NotRequired[LotteryView]
    available: int
    held: int
    sold: int
    waiting: int
    next: int


class AccessView(TypedDict):
    """Whose time to buy is another one than `opens_at_ms`, and whether only invited viewers may."""

    tiers: dict[str, int]
    invited_only: bool


class RulesView(TypedDict):
    """What holds for all drops of a room together."""

    invited_only: bool
    limit_per_viewer: int | None
    one_product_per_order: bool
    perks: list[PerkView]


class CardView(TypedDict):
    """A card as viewers see it; absent fields were not given by the host."""

    card_id: str
    title: str
    sku: NotRequired[str]
    description: NotRequired[str]
    price_minor: NotRequired[int]
    currency: NotRequired[Currency]
    image_url: NotRequired[str]


class ChatMessage(TypedDict):
    """One line of chat."""

    id: str
    viewer: str
    name: str
    text: str
    at_ms: int
    badge: NotRequired[str]


class Snapshot(TypedDict):
    """Everything a newcomer needs to draw the room."""

    title: str
    status: RoomStatus
    cards: list[CardView]
    pinned: str | None
    drops: list[DropView]
    viewers: int
    likes: int
    chat: list[ChatMessage]
    slow_mode_ms: int
    rules: RulesView


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


# -- what the room announces (commerce lane; ordered, recoverable by epoch and since) ------------


class Announced(TypedDict):
    """Common to all announcements: the place in the log and the time of the decision."""

    seq: int
    at_ms: int


class RoomStarted(Announced):
    """The show begins."""

    type: Literal["room.started"]


class RoomEnded(Announced):
    """The show is over; orders that wait may still be paid."""

    type: Literal["room.ended"]


class EpochStarted(Announced):
    """Another engine took the room over. Remember `epoch` for a resume; nothing else changes."""

    type: Literal["epoch.started"]
    epoch: int


class CardPushed(Announced):
    """A new card, or (`card.updated`) a known one with new content."""

    type: Literal["card.pushed", "card.updated"]
    card: CardView


class CardPinned(Announced):
    """The card to show first; null unpins."""

    type: Literal["card.pinned"]
    card_id: str | None


class CardWithdrawn(Announced):
    """Take the card off the screen."""

    type: Literal["card.withdrawn"]
    card_id: str


class DropScheduled(Announced):
    """A drop is announced ahead of time: count down to `opens_at_ms` by server time."""

    type: Literal["drop.scheduled"]
    drop: DropView


class DropMoved(Announced):
    """A drop changed its state."""

    type: Literal["drop.opened", "drop.paused", "drop.sold_out", "drop.closed"]
    drop_id: str


class DropRestocked(Announced):
    """New units arrived."""

    type: Literal["drop.restocked"]
    drop_id: str
    quantity: int


class LotteryDrawn(Announced):
    """A lottery was drawn from `seed`: `entered` viewers wait in the order that it gives them, and
    the first are offered units. Anyone can check it: docs/counter.md says how.
    """

    type: Literal["lottery.drawn"]
    drop_id: str
    seed: str
    entered: int


class AllocationsMerged(Announced):
    """What channels had for themselves is for everybody from now on: `moved` units by channel."""

    type: Literal["allocations.merged"]
    drop_id: str
    moved: dict[str, int]


class StockChanged(Announced):
    """Public stock, told at most four times a second for each drop. Ignore one with an older
    seq. It also moves an open drop: with something held and nothing available it is `all_held`,
    else `open`. `waiting` viewers are in line, the one with the number `next` is served next (0:
    nobody waits): whoever has the number n knows that at most n - next come first.
    """

    type: Literal["stock.changed"]
    drop_id: str
    sku: str
    available: int
    held: int
    sold: int
    waiting: int
    next: int
    shelves: NotRequired[dict[str, int]]


class RulesChanged(Announced):
    """The room has these rules from now on, and no others."""

    type: Literal["room.rules"]
    rules: RulesView


class Announcement(Announced):
    """The host says something to everybody."""

    type: Literal["announcement"]
    text: str


class ChatDeleted(Announced):
    """A moderator took a line of chat away."""

    type: Literal["chat.deleted"]
    message_id: str


class SlowModeChanged(Announced):
    """Each viewer may chat once in `interval_ms`; 0 is off."""

    type: Literal["chat.slow_mode"]
    interval_ms: int


# -- chat and pulse (best effort) ----------------------------------------------------------------


class Chat(TypedDict):
    """Chat of one tick; `skipped` lines were said and are not shown."""

    type: Literal["chat"]
    messages: list[ChatMessage]
    skipped: int


class Pulse(TypedDict):
    """The latest numbers and the server's clock."""

    type: Literal["pulse"]
    viewers: int
    likes: int
    server_time_ms: int


# -- what one viewer is told (private lane) -----------------------------------------------------


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
    waited takes no deposits any more.
    """

    type: Literal["line.left"]
    drop_id: str
    sku: str
    number: int
    reason: Literal["limit", "cart", "invitation", "presale"]


class OrderChanged(TypedDict):
    """An order of this viewer moved by itself (its placing is told in the reply to `checkout`)."""

    type: Literal["order.paid", "order.expired", "order.refunded"]
    order_id: str
    total_minor: int
    currency: Currency
    paid_seq: NotRequired[int]


class UnitsBack(TypedDict):
    """Units of one product that went back."""

    sku: str
    quantity: int


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
    reason: NotRequired[Literal["expired", "defaulted", "not_won", "refunded", "changed"]]


#: Frames by lane, for the documents and for whoever wants the whole list.
COMMERCE_FRAMES = (
    RoomStarted,
    RoomEnded,
    EpochStarted,
    CardPushed,
    CardPinned,
    CardWithdrawn,
    DropScheduled,
    DropMoved,
    DropRestocked,
    LotteryDrawn,
    AllocationsMerged,
    StockChanged,
    RulesChanged,
    Announcement,
    ChatDeleted,
    SlowModeChanged,
)
PRIVATE_FRAMES = (
    Welcome,
    Reply,
    ChatNotShown,
    HoldExpired,
    HoldOffered,
    LineLeft,
    OrderChanged,
    OrderRefundedPartly,
    DepositPaid,
    OrderDefaulted,
    PaymentFailed,
    PerkAwarded,
    EditionNumbered,
    SlotMoved,
)
BEST_EFFORT_FRAMES = (Chat, Pulse)


class CloseCode(IntEnum):
    """Why a connection ends. 4001 and up are ours; the rest is RFC 6455 section 7.4.1."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    MESSAGE_TOO_BIG = 1009
    RESTARTING = 1012
    TICKET_EXPIRED = 4001
    BANNED = 4003
    TOO_SLOW = 4008
    MISUSE = 4009
    FLOODING = 4029
