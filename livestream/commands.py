"""What the desk and the payment provider may ask of a room, and how any command travels to its
engine.

Owns the vocabulary of the inbox. Refuses to know HTTP, roles and Redis. Viewers' own commands are
in `livestream.messages`; a gateway forwards nothing else, so a viewer can never say what is on this
page.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from cart.access import TierOrNone
from cart.bounds import (
    LINES_MAX,
    SUPPLY_MAX,
    CardId,
    Channel,
    DropId,
    OrderId,
    PaymentId,
    RefundId,
    RequestId,
    Text,
    Title,
    ViewerId,
)
from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.lottery import Seed
from cart.money import AMOUNT_MINOR_MAX, AmountMinor, Currency
from cart.refund import Units
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream.messages import Card, PinnedMessage, ShoppingMessage, Stream

#: The slowest that chat can be: a line in ten minutes.
SLOW_MODE_MS_MAX = 600_000
#: One call: 1,000 x at most 67 bytes = 67 KB, and as much in the log and on air.
INVITED_PER_CALL_MAX = 1_000
Invited = Annotated[list[ViewerId], Meta(min_length=1, max_length=INVITED_PER_CALL_MAX)]
#: A line of chat, as its gateway named it.
MessageId = Annotated[str, Meta(min_length=1, max_length=64)]

#: Words of which none is shown: 500 x 64 characters x 4 bytes of UTF-8 = 128 KB at the very worst,
#: some 5 KB as a rule, in the log each time that the list is given, and in the snapshot.
BLOCKED_WORDS_MAX = 500
BlockedWord = Annotated[str, Meta(min_length=1, max_length=64)]


class DeskCommand(Struct, frozen=True, tag_field="type"):
    """Base of everything that does not come from a viewer."""


class RoomCreate(DeskCommand, frozen=True, tag="room.create"):
    """The first command of every room. A `sandbox` is for rehearsals, and may be wiped."""

    title: Title
    sandbox: bool = False


class RoomStart(DeskCommand, frozen=True, tag="room.start"):
    """The show begins."""


class RoomEnd(DeskCommand, frozen=True, tag="room.end"):
    """The show is over: every drop closes, what is held may still be paid."""


class RulesSet(DeskCommand, frozen=True, tag="room.rules"):
    """Declare the rules of the room, all of them anew."""

    rules: RoomRules


class StreamSet(DeskCommand, frozen=True, tag="room.stream"):
    """Say where the room's picture comes from: HLS, its still, both, or (null) neither."""

    stream: Stream


class InvitationPut(DeskCommand, frozen=True, tag="invitation.put"):
    """Invite viewers to the room, or to one drop; who is invited already gets the new tier."""

    viewers: Invited
    drop_id: DropId | None = None
    tier: TierOrNone = ""


class InvitationWithdraw(DeskCommand, frozen=True, tag="invitation.withdraw"):
    """Take viewers off the room's list, or off that of one drop. Who is invited to the room by the
    ticket alone stays so.
    """

    viewers: Invited
    drop_id: DropId | None = None


class CardPut(DeskCommand, frozen=True, tag="card.put"):
    """Show a card, or give a shown one new content."""

    card: Card


class CardPin(DeskCommand, frozen=True, tag="card.pin"):
    """Show this card first; None unpins."""

    card_id: CardId | None


class CardWithdraw(DeskCommand, frozen=True, tag="card.withdraw"):
    """Take a card off the screen."""

    card_id: CardId


class DropDraft(DeskCommand, frozen=True, tag="drop.draft"):
    """Prepare a drop of which nobody knows yet, or change one that is prepared."""

    terms: DropTerms


class DraftDiscard(DeskCommand, frozen=True, tag="draft.discard"):
    """Throw a draft away."""

    drop_id: DropId


class DraftSchedule(DeskCommand, frozen=True, tag="draft.schedule"):
    """Declare a drop with the terms of its draft. `seed` is for its lottery, if it is one; the
    house draws it, unless one is given: 32 bytes that nobody but the host has seen.
    """

    drop_id: DropId
    seed: Seed = ""

    def __repr__(self) -> str:
        return f"DraftSchedule({self.drop_id})"


class DropSchedule(DeskCommand, frozen=True, tag="drop.schedule"):
    """Declare a drop, with the `seed` of its lottery. One that was `seed_made` for this command is
    not the host's own.
    """

    terms: DropTerms
    seed: Seed = ""
    seed_made: bool = False

    def __repr__(self) -> str:
        return f"DropSchedule({self.terms})"


class DropOpen(DeskCommand, frozen=True, tag="drop.open"):
    """Open now, or resume after a pause."""

    drop_id: DropId


class DropOpenRest(DeskCommand, frozen=True, tag="drop.open_rest"):
    """Sell what is left of a presale, once its balances are due no more, or of a lottery, once
    nobody who was drawn waits any more, as any other drop sells: at the full price, to everybody.
    """

    drop_id: DropId


class DropPause(DeskCommand, frozen=True, tag="drop.pause"):
    """No new holds for a while."""

    drop_id: DropId


class DropRestock(DeskCommand, frozen=True, tag="drop.restock"):
    """Add units: to the shelf of a channel, or to the one of all."""

    drop_id: DropId
    quantity: Annotated[int, Meta(ge=1, le=SUPPLY_MAX)]
    channel: Channel | None = None


class DropClose(DeskCommand, frozen=True, tag="drop.close"):
    """End a drop."""

    drop_id: DropId


class SlotPut(DeskCommand, frozen=True, tag="slot.put"):
    """Declare a delivery slot, or change one in which what is booked still has its place."""

    slot_terms: SlotTerms


class Announce(DeskCommand, frozen=True, tag="announce"):
    """Say something to everybody."""

    text: Annotated[Text, Meta(min_length=1)]


class CouponPut(DeskCommand, frozen=True, tag="coupon.put"):
    """Declare a coupon, or give a known one other terms."""

    coupon_terms: CouponTerms


class OrderRefund(DeskCommand, frozen=True, tag="order.refund"):
    """Give money back: all that is left, or in part these `lines`, or `amount_minor` without units.
    A part needs a `request_id`; a repeat of it gives back once. What is returned goes back on the
    shelf unless `restock` is false.
    """

    order_id: OrderId
    restock: bool = True
    lines: Annotated[list[Units], Meta(max_length=LINES_MAX)] = []
    amount_minor: Annotated[int, Meta(ge=1, le=AMOUNT_MINOR_MAX)] | None = None
    request_id: RequestId = ""


class ViewerMute(DeskCommand, frozen=True, tag="viewer.mute"):
    """Take the word from a viewer, or give it back."""

    viewer: ViewerId
    muted: bool = True


class ViewerBan(DeskCommand, frozen=True, tag="viewer.ban"):
    """Close a viewer's connections and refuse new ones, or let the viewer in again. Who is banned
    is known by the id in the ticket.
    """

    viewer: ViewerId
    banned: bool = True


class ChatSlowMode(DeskCommand, frozen=True, tag="chat.slow_mode"):
    """Each viewer may chat once in `interval_ms`; 0 is off."""

    interval_ms: Annotated[int, Meta(ge=0, le=SLOW_MODE_MS_MAX)]


class ChatDelete(DeskCommand, frozen=True, tag="chat.delete"):
    """Take a line of chat away."""

    message_id: MessageId


class ChatRestore(DeskCommand, frozen=True, tag="chat.restore"):
    """Show a line again that was taken away. The room's owner still has the last few of them; one
    that it has no more stays away.
    """

    message_id: MessageId


class ChatPin(DeskCommand, frozen=True, tag="chat.pin"):
    """Let this message stand above the chat, for newcomers too, in the place of another."""

    message: PinnedMessage


class ChatUnpin(DeskCommand, frozen=True, tag="chat.unpin"):
    """Let no message stand above the chat."""


class ChatWords(DeskCommand, frozen=True, tag="chat.words"):
    """Show no line that has one of these words, in its text or in the name of who says it. The list
    is given whole; an empty one ends it.
    """

    words: Annotated[list[BlockedWord], Meta(max_length=BLOCKED_WORDS_MAX)]


class PaymentApproved(DeskCommand, frozen=True, tag="payment.approved"):
    """The provider captured the money. Any number of times, in any order, however late."""

    payment_id: PaymentId
    amount_minor: AmountMinor
    currency: Currency


class PaymentDeclined(DeskCommand, frozen=True, tag="payment.declined"):
    """The provider said no."""

    payment_id: PaymentId
    reason: Annotated[str, Meta(max_length=120)] = ""


class RefundSettled(DeskCommand, frozen=True, tag="payment.refunded"):
    """The provider gave the money of a refund back; without `refund_id` the oldest that is owed."""

    payment_id: PaymentId
    refund_id: RefundId = ""


HostCommand = (
    RoomCreate
    | RoomStart
    | RoomEnd
    | RulesSet
    | StreamSet
    | InvitationPut
    | InvitationWithdraw
    | CardPut
    | CardPin
    | CardWithdraw
    | DropDraft
    | DraftDiscard
    | DraftSchedule
    | DropSchedule
    | DropOpen
    | DropOpenRest
    | DropPause
    | DropRestock
    | DropClose
    | Announce
    | CouponPut
    | SlotPut
    | OrderRefund
    | ViewerMute
    | ViewerBan
    | ChatSlowMode
    | ChatDelete
    | ChatRestore
    | ChatPin
    | ChatUnpin
    | ChatWords
)
ProviderCommand = PaymentApproved | PaymentDeclined | RefundSettled
Command = ShoppingMessage | HostCommand | ProviderCommand


class Once(Struct, frozen=True, array_like=True):
    """The sender's own name for a command, and what it asks for as one word: a repeat under the
    same `key` is answered and not done again (`livestream.once`).
    """

    key: Annotated[str, Meta(min_length=1, max_length=64)]
    asked: Annotated[str, Meta(max_length=64)]


class Envelope(Struct, frozen=True, array_like=True):
    """One command on its way to the engine.

    `conn` is the sender's own number for the connection or request, returned with the reply (0:
    nobody waits). `actor` is the viewer, or `desk:<name>`, or `provider:<name>`; `channel`, `tier`
    and `invited` are what the viewer's ticket says. Whoever sends it has checked all of it.
    """

    conn: int
    actor: str
    channel: str
    command: Command
    tier: str = ""
    invited: bool = False
    once: Once | None = None
