"""What the room shows: cards, drops, rules and chat as viewers see them, and all of it at once.

A card is a Struct, since the host sends it; the rest are TypedDicts. Owns the shape of what is in
frames. Refuses to know the frames, and how a view follows from the books: that is for
`livestream.views`.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta, Struct

from cart.bounds import CardId, Sku, Text, Title
from cart.drop import DropStatus
from cart.money import Currency, PriceMinor

RoomStatus = Literal["created", "live", "ended"]
#: An absolute https address, or a path on the control server.
MediaUrl = Annotated[str, Meta(max_length=500, pattern=r"^(https://|/(?!/))[^\s\"<>]*$(?!\n)")]


class Card(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """A product card. One with a `sku` can be bought while a drop sells that SKU."""

    card_id: CardId
    title: Title
    sku: Annotated[
        Sku | None, Meta(description="the product; it can be bought while a drop sells it")
    ] = None
    description: Annotated[Text, Meta(description="a sentence or two below the title")] = ""
    price_minor: Annotated[
        PriceMinor | None, Meta(description="shown on the card, in minor units (fen)")
    ] = None
    currency: Annotated[Currency | None, Meta(description="of the price")] = None
    image_url: Annotated[
        MediaUrl | None,
        Meta(description="an absolute https address, or a path on the control server"),
    ] = None


class Stream(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Where the room's picture comes from: moving, by HLS, and the still that stands for it where
    it cannot be played. Without either a page shows the piece.
    """

    hls_url: Annotated[MediaUrl | None, Meta(description="the stream, moving")] = None
    poster_url: Annotated[MediaUrl | None, Meta(description="the still that stands for it")] = None


class PinnedMessage(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """What stands above the chat: a line of it, with its `message_id` and the `name` of who said
    it, or a text of the house's own.
    """

    text: Annotated[Text, Meta(min_length=1)]
    name: Annotated[str, Meta(max_length=40)] = ""
    message_id: Annotated[str, Meta(max_length=64)] = ""


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


class StreamView(TypedDict):
    """Where the room's picture comes from, by HLS, and its still; null: there is none."""

    hls_url: str | None
    poster_url: str | None


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


class PinnedView(TypedDict):
    """What stands above the chat; without a `name` the house says it."""

    text: str
    name: NotRequired[str]
    message_id: NotRequired[str]


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
    pinned_message: PinnedView | None
    slow_mode_ms: int
    rules: RulesView
    stream: StreamView
