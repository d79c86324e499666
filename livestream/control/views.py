"""What the API answers, and what its queries may ask. Shapes only.

Owns the desk's view of rooms, orders and tickets. What a viewer sees is in `livestream.messages`,
the ledger in `livestream.engine.ledger`.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta, Struct

from cart.access import TierOrNone
from cart.bounds import Channel, DropId, OrderId, TimeMs, TtlMs, ViewerId
from cart.drop import DropStatus, DropTerms
from cart.lottery import ENTRIES_MAX, Seed
from cart.money import Currency
from cart.order import OrderStatus, Part, PaymentStatus
from cart.outcome import EditionResult, PerkResult, PresaleResult, SlotChoice, SlotResult
from cart.rules import RoomRules
from livestream.certificates import CERTIFICATE_CHARACTERS_MAX
from livestream.engine.ledger import ActionLine, Ledger, TotalLine
from livestream.messages import (
    Announced,
    CardView,
    ChatMessage,
    DropView,
    PinnedView,
    RoomStatus,
    RulesView,
    Stream,
    StreamView,
    UnitsBack,
)
from livestream.moderation import ACTIONS_KEPT
from livestream.show.rehearsal import SHOW_BYTES_MAX, Buyers, Phase, Speed, Viewers
from livestream.tickets import TOKEN_CHARACTERS_MAX, DeskRole, DisplayName, RoomId

#: A page of orders: 200 x about 600 bytes = 120 KB.
ORDERS_PER_PAGE_MAX = 200
#: A page of a draw: 10,000 x about 100 bytes = 1 MB.
DRAW_ENTRIES_PER_PAGE_MAX = 10_000
#: A page of invitations: 1,000 x about 150 bytes = 150 KB.
INVITATIONS_PER_PAGE_MAX = 1_000
#: A ticket that asks for nothing else lasts a long evening.
TICKET_TTL_MS = 4 * 3_600_000


# -- bodies that are not commands ----------------------------------------------------------------


class NewRoom(Struct, frozen=True):
    """A room to be. A `sandbox` is for rehearsals: its payments are nobody's money, merchants hear
    nothing of it, and it may be wiped.
    """

    room: RoomId
    title: Annotated[str, Meta(min_length=1, max_length=120)]
    sandbox: bool = False


class NewDrop(DropTerms, frozen=True, gc=False, forbid_unknown_fields=True):
    """The terms of a drop. For a lottery the house draws the seed, unless one is given: 32 bytes
    that nobody but the host has seen.
    """

    seed: Seed = ""

    def __repr__(self) -> str:
        return f"NewDrop({self.drop_id})"


class DrawQuery(Struct, frozen=True):
    """Which entries: so many, after the `after`-th."""

    after: Annotated[int, Meta(ge=0, le=ENTRIES_MAX)] = 0
    limit: Annotated[int, Meta(ge=1, le=DRAW_ENTRIES_PER_PAGE_MAX)] = 1_000


class TicketRequest(Struct, frozen=True):
    """Whom to let in, counted under which channel, shown under which name; of which tier of
    clients, and whether invited to the room and all its drops.
    """

    viewer: ViewerId
    channel: Channel
    name: DisplayName
    ttl_ms: TtlMs = TICKET_TTL_MS
    tier: TierOrNone = ""
    invited: bool = False


class WalkIn(Struct, frozen=True):
    """Somebody who opened the watch page. With a `ticket` that is still good they stay who they
    are: a page cannot tell a gateway that refuses it from one that is being started again.
    """

    name: DisplayName | None = None
    ticket: Annotated[str, Meta(max_length=TOKEN_CHARACTERS_MAX)] | None = None


class InvitationsQuery(Struct, frozen=True):
    """Which list: the room's, or that of a drop. `after` is the `next` of the page before."""

    drop_id: DropId | None = None
    after: ViewerId | None = None
    limit: Annotated[int, Meta(ge=1, le=INVITATIONS_PER_PAGE_MAX)] = 100


class ActionsQuery(Struct, frozen=True):
    """How many of the last actions; `before` is the `next` of the page before."""

    before: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=ACTIONS_KEPT)] = 100


class OrdersQuery(Struct, frozen=True):
    """Which orders: all filters must hold. `after` is the `next` of the page before."""

    status: OrderStatus | None = None
    viewer: ViewerId | None = None
    channel: Channel | None = None
    after: OrderId | None = None
    limit: Annotated[int, Meta(ge=1, le=ORDERS_PER_PAGE_MAX)] = 50


class CertificateQuestion(Struct, frozen=True):
    """A certificate to be checked, as it was issued."""

    certificate: Annotated[str, Meta(min_length=1, max_length=CERTIFICATE_CHARACTERS_MAX)]


# -- answers ------------------------------------------------------------------------------------


class WhoAmI(TypedDict):
    """The bearer of the token, and what a panel needs to know of this installation."""

    name: str
    role: DeskRole
    expires_at_ms: int
    walk_in: bool
    gateway_url: str


class SessionView(TypedDict):
    """Who has signed in, until when; `csrf` goes with each change as X-CSRF-Token."""

    name: str
    role: DeskRole
    expires_at_ms: int
    csrf: str


class SignedOut(TypedDict):
    """Whether there was a session to end."""

    signed_out: bool


class RoomState(TypedDict):
    """Where a room is in its life."""

    room: str
    status: RoomStatus


class RoomGone(TypedDict):
    """A room that was wiped."""

    room: str


class RoomLine(TypedDict):
    """One room of many. Before its engine has told any numbers, only its name is known. One at
    rest has ended and needs no engine until somebody asks it for something.
    """

    room: str
    title: str
    sandbox: bool
    status: RoomStatus
    seq: int
    owner: str | None
    resting: bool
    at_ms: int
    viewers: int
    totals: list[TotalLine]


class RoomList(TypedDict):
    """All rooms, by name."""

    rooms: list[RoomLine]


class StorefrontView(TypedDict):
    """The public view, with who is muted and banned beside it, and how many the room's list of
    invitations names.
    """

    title: str
    status: RoomStatus
    seq: int
    epoch: int
    cards: list[CardView]
    pinned: str | None
    drops: list[DropView]
    slow_mode_ms: int
    pinned_message: PinnedView | None
    muted: list[str]
    banned: list[str]
    rules: RulesView
    invited: int
    stream: StreamView


class RehearsalWanted(Struct, frozen=True):
    """A rehearsal to be: `show` is the text of a show's file."""

    show: Annotated[str, Meta(min_length=1, max_length=SHOW_BYTES_MAX)]
    viewers: Viewers = 60
    buyers: Buyers | None = None
    speed: Speed = 10.0
    keep: Annotated[bool, Meta(description="do not wipe the room afterwards")] = False


class FigureView(TypedDict):
    """One of the main figures, as people read it."""

    name: str
    value: str


class RehearsalOutcome(TypedDict):
    """What came of a rehearsal: whether the auditor is content, what it says, the main figures of
    the report, and cues that could not be done.
    """

    clean: bool
    audit: str
    figures: list[FigureView]
    not_done: list[str]


class RehearsalView(TypedDict):
    """A rehearsal of this control server. Times in it are of its own, faster show, from the start;
    `cues` are the last that were played. `outcome` is there when it is `done`, `reason` when it
    `failed`; `wiped` says that nothing of its room is left.
    """

    room: str
    title: str
    by: str
    started_at_ms: int
    viewers: int
    buyers: int | None
    speed: float
    keep: bool
    state: Literal["running", "stopping", "done", "failed"]
    phase: Phase
    at_ms: int
    duration_ms: int
    here: int
    orders_paid: int
    cues: list[str]
    outcome: RehearsalOutcome | None
    reason: str | None
    wiped: bool


class RehearsalList(TypedDict):
    """The rehearsals of this control server, the last one first."""

    rehearsals: list[RehearsalView]


class ReplayMark(TypedDict):
    """Something that the room did: `kind` is the fact's own name, `title` what it is about."""

    at_ms: int
    kind: str
    title: str


class ReplayAnnouncement(TypedDict):
    """What was said to everybody."""

    at_ms: int
    text: str


class Replay(TypedDict):
    """The log of a room as a player needs it. `until_ms` is when the last thing happened; marks
    beyond the first 1,000 are only counted, and of announcements the last 200 are told. `moments`
    are of the book of attendance, in even steps.
    """

    room: str
    title: str
    status: RoomStatus
    sandbox: bool
    seq: int
    from_ms: int
    until_ms: int
    marks: list[ReplayMark]
    marks_left_out: int
    announcements: list[ReplayAnnouncement]
    moments: list[MomentView]


class ReplayQuery(Struct, frozen=True):
    """Which moment."""

    at_ms: TimeMs


class ReplayMoment(TypedDict):
    """A room as it stood at `at_ms`, after the fact `seq`. The audience is as the book of
    attendance has it, a moment every 5 s; who watched through which gateway, refusals and chat are
    not kept.
    """

    room: str
    at_ms: int
    seq: int
    storefront: StorefrontView
    ledger: Ledger


class RoomView(TypedDict):
    """A room: what viewers see and the desk's numbers. Null until its engine wrote them."""

    room: str
    ledger: Ledger | None
    storefront: StorefrontView | None


class Rules(TypedDict):
    """The rules of the room."""

    rules: RoomRules


class StreamState(TypedDict):
    """Where the room's picture comes from."""

    stream: Stream


class Invited(TypedDict):
    """How many are on this list now: the room's (null), or that of a drop."""

    drop_id: str | None
    invited: int


class Invitation(TypedDict):
    """Somebody on a list, and the tier that it gives ("": none)."""

    viewer: str
    drop_id: str | None
    tier: str


class InvitationList(TypedDict):
    """A page of a list, by viewer id, as of `seq`. `next` is what `after` takes for more."""

    seq: int
    invitations: list[Invitation]
    next: str | None


class CardId(TypedDict):
    """The card it was about; null: none is pinned."""

    card_id: str | None


class DropState(TypedDict):
    """Where a drop is in its life; of a lottery, what is promised: the SHA-256 of its seed."""

    drop_id: str
    status: DropStatus
    commitment: NotRequired[str]


class DrawEntry(TypedDict):
    """The `number`-th who entered, as the SHA-256 of the viewer's id; `place` in the order of the
    draw from 1, null before it.
    """

    number: int
    entry: str
    place: int | None


class Draw(TypedDict):
    """A lottery: `commitment` is the SHA-256 of `seed`, which is null before the draw. The entries
    stand in the order of SHA-256(seed || entry); the first are offered the units, and when one of
    them does not buy, the next. `entered` counts all, `entries` are one page of them.
    """

    drop_id: str
    entries_from_ms: int
    entries_until_ms: int
    commitment: str
    seed: str | None
    supply: int
    entered: int
    entries: list[DrawEntry]


class DraftGone(TypedDict):
    """The draft that is not there any more."""

    drop_id: str


class Said(TypedDict):
    """What was announced."""

    text: str


class Mute(TypedDict):
    """Whether the viewer has the word."""

    viewer: str
    muted: bool


class Ban(TypedDict):
    """Whether the viewer may come in."""

    viewer: str
    banned: bool


class SlowMode(TypedDict):
    """Each viewer may chat once in `interval_ms`; 0 is off."""

    interval_ms: int


class Deleted(TypedDict):
    """The line of chat that is gone, or back."""

    message_id: str


class Pinned(TypedDict):
    """Whether a message stands above the chat now."""

    pinned: bool


class WordCount(TypedDict):
    """How many words are blocked now."""

    count: int


class BlockedWords(TypedDict):
    """The words that are not shown, as they were given, as of `seq`."""

    seq: int
    words: list[str]


class ActionList(TypedDict):
    """A page of what moderators did, newest first, as of `seq`; a room remembers the last 500.
    `next` is what `before` takes for more.
    """

    seq: int
    actions: list[ActionLine]
    next: int | None


class IssuedTicket(TypedDict):
    """A ticket and where to go with it: connect to `<gateway_url>?ticket=<ticket>`."""

    ticket: str
    room: str
    viewer: str
    channel: str
    name: str
    tier: str
    invited: bool
    expires_at_ms: int
    gateway_url: str


class WatchConfig(TypedDict):
    """What the watch page needs before it has a ticket. The sandbox's tokens are on the page; those
    of a real provider come from a page of its own.
    """

    room: str
    gateway_url: str
    walk_in: bool
    payments: Literal["sandbox", "external"]


class CouponView(TypedDict):
    """A coupon and what became of it: held + redeemed <= supply. Absent terms were not given."""

    code: str
    supply: int
    per_viewer: int
    amount_minor: NotRequired[int]
    percent_bp: NotRequired[int]
    currency: NotRequired[Currency]
    skus: list[str]
    from_ms: NotRequired[int]
    until_ms: NotRequired[int]
    held: int
    redeemed: int


class CouponList(TypedDict):
    """All coupons of a room, as of `seq`."""

    seq: int
    coupons: list[CouponView]


class CouponCode(TypedDict):
    """The coupon it was about."""

    code: str


class OrderLineView(TypedDict):
    """Units of one drop at the price frozen when they were held. `total_minor` is what they cost:
    quantity x price and `extras_minor`, less `discount_minor`.
    """

    drop_id: str
    sku: str
    quantity: int
    price_minor: int
    extras_minor: int
    discount_minor: int
    total_minor: int


class PaymentView(TypedDict):
    """One attempt to pay the whole order, or a part of a presale's. The buyer's payment token stays
    in the log.
    """

    payment_id: str
    status: PaymentStatus
    amount_minor: int
    part: Part


class RefundView(TypedDict):
    """Money of an order that goes back, or (`settled`) is back. `request_id` is the host's own name
    for it, `lines` the units that went with it.
    """

    refund_id: str
    payment_id: str
    amount_minor: int
    currency: Currency
    settled: bool
    restocked: bool
    lines: list[UnitsBack]
    request_id: NotRequired[str]


class OrderView(TypedDict):
    """An order as the desk sees it. `paid_seq` is its place among all paid orders of the room."""

    order_id: str
    checkout_id: str
    viewer: str
    channel: str
    status: OrderStatus
    lines: list[OrderLineView]
    total_minor: int
    currency: Currency
    placed_at_ms: int
    expires_at_ms: int
    paid_seq: NotRequired[int]
    personalisation: dict[str, dict[str, str]]
    coupon: str | None
    payments: list[PaymentView]
    refunded_minor: int
    refunds: list[RefundView]
    perks: list[PerkResult]
    editions: list[EditionResult]
    presale: NotRequired[PresaleResult]
    slots: list[SlotChoice]


class OrderList(TypedDict):
    """A page of orders, newest first, as of `seq`. `next` is what `after` takes for more."""

    seq: int
    orders: list[OrderView]
    next: str | None


class OrderRefunded(TypedDict):
    """Where the order is in its life, and what this refund gives back of it."""

    order_id: str
    status: OrderStatus
    refund_id: str
    amount_minor: int


class Readiness(TypedDict):
    """Whether this server can serve, which rooms wait for an engine, and how many need none."""

    ready: bool
    redis: bool
    rooms: int
    rooms_resting: int
    rooms_without_owner: list[str]


# -- the desk's feed ------------------------------------------------------------------------------


class MomentView(TypedDict):
    """The room as it was at one moment. `viewers` were there then; all else but the money, net by
    currency, only grows: `unique` are different viewers, and `buyers` those with a paid order.
    """

    at_ms: int
    viewers: int
    joined: int
    likes: int
    chat: int
    unique: int
    buyers: int
    orders_paid: int
    net_minor: dict[str, int]


class DeskOpened(TypedDict):
    """The first frame: everything a panel draws. All that follows is newer. `moments` are the last
    hour in which anybody was there, oldest first.
    """

    type: Literal["desk"]
    room: str
    server_time_ms: int
    storefront: StorefrontView | None
    ledger: Ledger | None
    chat: list[ChatMessage]
    moments: list[MomentView]


class ServerTime(TypedDict):
    """The server's clock, every few seconds, also while nothing else happens: a panel that does not
    hear it has lost the connection.
    """

    type: Literal["time"]
    server_time_ms: int


class LedgerChanged(TypedDict):
    """New numbers; the latest is all that counts."""

    type: Literal["ledger"]
    ledger: Ledger


class ViewerMuted(Announced):
    """A moderator took a viewer's word, or gave it back."""

    type: Literal["viewer.muted"]
    viewer: str
    muted: bool


class ViewerBanned(Announced):
    """A moderator showed a viewer out, or let one in again."""

    type: Literal["viewer.banned"]
    viewer: str
    banned: bool


class Invitations(Announced):
    """Viewers were put on a list, the room's (null) or a drop's, or taken off it."""

    type: Literal["invitation.put", "invitation.withdrawn"]
    drop_id: str | None
    viewers: list[str]
    tier: NotRequired[str]


class RoomCreated(Announced):
    """The room exists; told to desks only."""

    type: Literal["room.created"]
    title: str


class SlotView(SlotResult):
    """A delivery slot as the desk sees it: held + taken + free = capacity."""

    held: int
    taken: int


class SlotList(TypedDict):
    """All delivery slots of a room, the earliest first, as of `seq`."""

    seq: int
    slots: list[SlotView]


class IssuedCertificate(TypedDict):
    """One number of a numbered drop with its certificate, a compact JWS (RFC 7515). The guarantee
    is null when none was declared.
    """

    drop_id: str
    sku: str
    title: str
    number: int
    of: int
    issued_at_ms: int
    guarantee_until_ms: int | None
    certificate: str


class CertificateList(TypedDict):
    """The certificates of an order: one for each numbered unit that is paid and not refunded."""

    order_id: str
    certificates: list[IssuedCertificate]


class CertificateCheck(TypedDict):
    """`valid`: genuine, and the number is still that order's. `revoked`: genuine, and a refund took
    the number back. `unlisted`: genuine, and its room is no longer on these books. `not_genuine`:
    nothing that was signed here, for the `reason` given; nothing else is told then.
    """

    status: Literal["valid", "revoked", "unlisted", "not_genuine"]
    reason: NotRequired[str]
    room: NotRequired[str]
    drop_id: NotRequired[str]
    sku: NotRequired[str]
    title: NotRequired[str]
    number: NotRequired[int]
    of: NotRequired[int]
    order_id: NotRequired[str]
    issued_at_ms: NotRequired[int]
    guarantee_until_ms: NotRequired[int]


class PublicKey(TypedDict):
    """An Ed25519 key as a JWK (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["Ed25519"]
    use: Literal["sig"]


class PublicKeys(TypedDict):
    """The JWK Set (RFC 7517) with which certificates are checked."""

    keys: list[PublicKey]
