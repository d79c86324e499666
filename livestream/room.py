"""A room: decide what a command leads to, and fold facts into state. Pure.

    decide(room, envelope, now_ms) -> Decision(facts, answer)      reads the state, changes nothing
    tick(room, now_ms)             -> facts                        what time itself does
    consequences(room, now_ms)     -> facts                        what follows from both
    evolve(room, fact, at_ms)                                      the only way the state changes

Owns cards, announcements, moderation and the order of things in a show; hands everything about
stock and money to `cart`. Refuses to know sockets, Redis, tasks and clocks: replaying the same
facts gives the same state, deciding the same command on it gives the same facts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field, structs, to_builtins

from cart import (
    clock,
    delivery,
    desk,
    drafts,
    drawing,
    folds,
    invitation,
    redemption,
    rest,
    settlement,
    shopper,
    waiting,
)
from cart import consequences as following
from cart.books import Books
from cart.counter import Counter
from cart.fact import Fact
from cart.outcome import Decision, ErrorCode, refuse
from cart.refunding import Asked
from livestream import commands, facts, messages, moderation, once
from livestream.commands import Envelope
from livestream.messages import Card, PinnedMessage, RoomStatus, Stream

#: Cards on screen at once. With texts at their bounds a card is about 1.5 KiB, so the snapshot that
#: every newcomer gets stays below 100 KiB even then; real ones are a tenth of that.
CARDS_MAX = 64
#: Ownerships that a resume can reach back over.
EPOCHS_KEPT = 16


class RoomState(Struct):
    """Everything a snapshot keeps. `seq` is that of the last folded fact, `epochs` pairs (epoch,
    its first seq), newest last.
    """

    room: str
    title: str = ""
    status: RoomStatus = "created"
    seq: int = 0
    at_ms: int = 0
    epochs: list[tuple[int, int]] = []
    cards: dict[str, Card] = {}
    pinned: str | None = None
    muted: dict[str, None] = {}
    banned: dict[str, None] = {}
    slow_mode_ms: int = 0
    #: What was done under a key of the desk's, by key, oldest first.
    answered: dict[str, once.Answered] = {}
    stream: Stream = Stream()
    pinned_message: PinnedMessage | None = None
    blocked_words: list[str] = []
    #: The last that moderators did, oldest first.
    actions: list[moderation.Action] = []
    books: Books = field(default_factory=Books)
    sandbox: bool = False

    @property
    def epoch(self) -> int:
        """The ownership that wrote last; 0 before the first."""
        return self.epochs[-1][0] if self.epochs else 0


class Room:
    """A room in memory: its state and the counter that works on the state's books."""

    __slots__ = ("counter", "state")

    def __init__(self, state: RoomState) -> None:
        self.state = state
        self.counter = Counter(state.books)


def decide(room: Room, envelope: Envelope, now_ms: int) -> Decision:
    """What `envelope.command` leads to at `now_ms`. Nothing is changed here."""
    command = envelope.command
    if not room.state.title and type(command) is not commands.RoomCreate:
        return refuse(ErrorCode.NOT_FOUND, f"no room {room.state.room}")
    if envelope.once is None:
        return _DECISIONS[type(command)](room, envelope, command, now_ms)
    again = once.decision_again(room.state.answered, envelope)
    if again is not None:
        return again
    decision = _DECISIONS[type(command)](room, envelope, command, now_ms)
    return once.with_memory_of(envelope, decision)


def tick(room: Room, now_ms: int) -> list[Fact]:
    """What is due by itself: drops open, holds and orders expire."""
    return clock.tick(room.counter, now_ms)


def consequences(room: Room, now_ms: int) -> list[Fact]:
    """What follows from the facts folded last; ask again until it is nothing."""
    return following.consequences(room.counter, now_ms)


def stock_to_show(room: Room, now_ms: int) -> list[Fact]:
    """Public stock levels that viewers should be told now."""
    return clock.stock_to_show(room.counter, now_ms)


def next_due_ms(room: Room) -> int | None:
    """When `tick` or `stock_to_show` will next have something to say, or None."""
    return clock.next_due_ms(room.counter)


def next_deadline_ms(room: Room) -> int | None:
    """When the next drop opens, or the next hold or order expires, or None."""
    return room.counter.next_deadline_ms()


def evolve(room: Room, fact: Fact, at_ms: int) -> None:
    """Fold one fact into the state, in place.

    Raises:
        BrokenBooksError: the fact cannot be true of this state; the log or the code is broken.
    """
    state = room.state
    state.seq += 1
    state.at_ms = at_ms
    fold = _FOLDS.get(type(fact))
    if fold is None:
        folds.evolve(room.counter, fact, at_ms)
    else:
        fold(state, fact)


# -- viewers -----------------------------------------------------------------------------------


def _cart_add(room: Room, asked: Envelope, command: messages.CartAdd, now_ms: int) -> Decision:
    return _if_live(room) or shopper.add(
        room.counter,
        asked.actor,
        command.sku,
        command.quantity,
        command.id,
        now_ms,
        asked.tier,
        asked.invited,
        asked.channel,
    )


def _if_live(room: Room) -> Decision | None:
    """Why nothing can be taken in this room now."""
    match room.state.status:
        case "live":
            return None
        case "created":
            return refuse(ErrorCode.NOT_OPEN, "the show has not begun")
        case "ended":
            return refuse(ErrorCode.CLOSED, "the show is over")


def _line_join(room: Room, asked: Envelope, command: messages.LineJoin, now_ms: int) -> Decision:
    return _if_live(room) or waiting.join(
        room.counter,
        asked.actor,
        command.sku,
        command.quantity,
        command.id,
        now_ms,
        asked.tier,
        asked.invited,
        asked.channel,
    )


def _lottery_enter(
    room: Room, asked: Envelope, command: messages.LotteryEnter, now_ms: int
) -> Decision:
    if room.state.status == "ended":
        return refuse(ErrorCode.CLOSED, "the show is over")
    return drawing.enter(room.counter, asked.actor, command.sku, now_ms, asked.tier, asked.invited)


def _line_leave(room: Room, asked: Envelope, command: messages.LineLeave, _: int) -> Decision:
    return waiting.leave(room.counter, asked.actor, command.sku, command.id)


def _cart_remove(
    room: Room, asked: Envelope, command: messages.CartRemove, now_ms: int
) -> Decision:
    return shopper.remove(
        room.counter, asked.actor, command.sku, command.quantity, command.id, now_ms
    )


def _cart_show(room: Room, asked: Envelope, command: messages.CartShow, _: int) -> Decision:
    return shopper.show(room.counter, asked.actor)


def _checkout(room: Room, asked: Envelope, command: messages.Checkout, now_ms: int) -> Decision:
    return shopper.check_out(
        room.counter,
        asked.actor,
        asked.channel,
        command.checkout_id,
        command.personalisation,
        now_ms,
        command.coupon or "",
        command.slot_id or "",
        command.id,
    )


def _order_pay(room: Room, asked: Envelope, command: messages.OrderPay, now_ms: int) -> Decision:
    return shopper.pay(
        room.counter, asked.actor, command.order_id, command.payment_token, command.id, now_ms
    )


def _slots_show(room: Room, _: Envelope, command: messages.SlotsShow, now_ms: int) -> Decision:
    return delivery.show(room.counter, command.perk_id, command.city, command.from_ms, now_ms)


def _slot_choose(
    room: Room, asked: Envelope, command: messages.SlotChoose, now_ms: int
) -> Decision:
    return delivery.choose(room.counter, asked.actor, command.order_id, command.slot_id, now_ms)


# -- the payment provider ----------------------------------------------------------------------


def _approved(room: Room, _: Envelope, command: commands.PaymentApproved, now_ms: int) -> Decision:
    return settlement.approved(
        room.counter, command.payment_id, command.amount_minor, command.currency, now_ms
    )


def _declined(room: Room, _: Envelope, command: commands.PaymentDeclined, now_ms: int) -> Decision:
    return settlement.declined(room.counter, command.payment_id, command.reason)


def _refunded(room: Room, _: Envelope, command: commands.RefundSettled, now_ms: int) -> Decision:
    return settlement.refund_settled(room.counter, command.payment_id, command.refund_id)


# -- the desk: the show ------------------------------------------------------------------------


def _room_create(room: Room, _: Envelope, command: commands.RoomCreate, now_ms: int) -> Decision:
    answer = {"room": room.state.room, "status": room.state.status}
    if room.state.title:
        if room.state.title != command.title:
            return refuse(ErrorCode.CONFLICT, f"room {room.state.room} exists with another title")
        if room.state.sandbox is not command.sandbox:
            kind = "is a sandbox" if room.state.sandbox else "is no sandbox"
            return refuse(ErrorCode.CONFLICT, f"room {room.state.room} exists, and {kind}")
        return Decision((), answer)
    return Decision((facts.RoomCreated(command.title, command.sandbox),), answer)


def _room_start(room: Room, _: Envelope, command: commands.RoomStart, now_ms: int) -> Decision:
    answer = {"room": room.state.room, "status": "live"}
    match room.state.status:
        case "created":
            return Decision((facts.RoomStarted(),), answer)
        case "live":
            return Decision((), answer)
        case "ended":
            return refuse(ErrorCode.CONFLICT, "the show is over")


def _room_end(room: Room, _: Envelope, command: commands.RoomEnd, now_ms: int) -> Decision:
    answer = {"room": room.state.room, "status": "ended"}
    if room.state.status == "ended":
        return Decision((), answer)
    return Decision((*desk.close_all(room.counter), facts.RoomEnded()), answer)


def _rules_set(room: Room, _: Envelope, command: commands.RulesSet, now_ms: int) -> Decision:
    return invitation.set_rules(room.counter, command.rules)


def _stream_set(room: Room, _: Envelope, command: commands.StreamSet, now_ms: int) -> Decision:
    answer = {"stream": to_builtins(command.stream)}
    if command.stream == room.state.stream:
        return Decision((), answer)
    return Decision((facts.StreamSet(command.stream),), answer)


def _invitation_put(
    room: Room, _: Envelope, command: commands.InvitationPut, now_ms: int
) -> Decision:
    return invitation.put(room.counter, command.drop_id, command.viewers, command.tier)


def _invitation_withdraw(
    room: Room, _: Envelope, command: commands.InvitationWithdraw, now_ms: int
) -> Decision:
    return invitation.withdraw(room.counter, command.drop_id, command.viewers)


def _card_put(room: Room, _: Envelope, command: commands.CardPut, now_ms: int) -> Decision:
    cards, card = room.state.cards, command.card
    if (card.price_minor is None) != (card.currency is None):
        return refuse(ErrorCode.INVALID, "a price needs its currency, a currency its price")
    answer = {"card_id": card.card_id}
    known = cards.get(card.card_id)
    if known == card:
        return Decision((), answer)
    if known is not None:
        return Decision((facts.CardUpdated(card),), answer)
    if len(cards) >= CARDS_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"at most {CARDS_MAX} cards on screen")
    return Decision((facts.CardPushed(card),), answer)


def _card_pin(room: Room, _: Envelope, command: commands.CardPin, now_ms: int) -> Decision:
    card_id = command.card_id
    if card_id is not None and card_id not in room.state.cards:
        return refuse(ErrorCode.NOT_FOUND, f"no card {card_id} on screen")
    done = room.state.pinned == card_id
    return Decision(() if done else (facts.CardPinned(card_id),), {"card_id": card_id})


def _card_withdraw(
    room: Room, _: Envelope, command: commands.CardWithdraw, now_ms: int
) -> Decision:
    answer = {"card_id": command.card_id}
    if command.card_id not in room.state.cards:
        return Decision((), answer)
    return Decision((facts.CardWithdrawn(command.card_id),), answer)


def _announce(room: Room, _: Envelope, command: commands.Announce, now_ms: int) -> Decision:
    return Decision((facts.Announced(command.text),), {"text": command.text})


# -- the desk: drops and orders ----------------------------------------------------------------


def _drop_draft(room: Room, _: Envelope, command: commands.DropDraft, now_ms: int) -> Decision:
    if room.state.status == "ended":
        return refuse(ErrorCode.CLOSED, "the show is over")
    return drafts.put(room.counter, command.terms)


def _draft_discard(
    room: Room, _: Envelope, command: commands.DraftDiscard, now_ms: int
) -> Decision:
    return drafts.discard(room.counter, command.drop_id)


def _draft_schedule(
    room: Room, _: Envelope, command: commands.DraftSchedule, now_ms: int
) -> Decision:
    if room.state.status == "ended":
        return refuse(ErrorCode.CLOSED, "the show is over")
    return drafts.schedule_draft(room.counter, command.drop_id, command.seed, now_ms)


def _drop_schedule(
    room: Room, _: Envelope, command: commands.DropSchedule, now_ms: int
) -> Decision:
    if room.state.status == "ended":
        return refuse(ErrorCode.CLOSED, "the show is over")
    return desk.schedule(room.counter, command.terms, now_ms, command.seed, command.seed_made)


def _drop_open(room: Room, _: Envelope, command: commands.DropOpen, now_ms: int) -> Decision:
    return desk.open_now(room.counter, command.drop_id)


def _drop_open_rest(
    room: Room, _: Envelope, command: commands.DropOpenRest, now_ms: int
) -> Decision:
    return rest.open_rest(room.counter, command.drop_id, now_ms)


def _drop_pause(room: Room, _: Envelope, command: commands.DropPause, now_ms: int) -> Decision:
    return desk.pause(room.counter, command.drop_id)


def _drop_restock(room: Room, _: Envelope, command: commands.DropRestock, now_ms: int) -> Decision:
    return desk.restock(room.counter, command.drop_id, command.quantity, command.channel or "")


def _drop_close(room: Room, _: Envelope, command: commands.DropClose, now_ms: int) -> Decision:
    return desk.close(room.counter, command.drop_id)


def _coupon_put(room: Room, _: Envelope, command: commands.CouponPut, now_ms: int) -> Decision:
    return redemption.put(room.counter, command.coupon_terms)


def _order_refund(room: Room, _: Envelope, command: commands.OrderRefund, now_ms: int) -> Decision:
    asked = Asked(command.lines, command.amount_minor, command.restock, command.request_id)
    return desk.refund(room.counter, command.order_id, asked)


def _slot_put(room: Room, _: Envelope, command: commands.SlotPut, now_ms: int) -> Decision:
    return delivery.put(room.counter, command.slot_terms)


# -- the desk: moderation ----------------------------------------------------------------------


def _mute(room: Room, _: Envelope, command: commands.ViewerMute, now_ms: int) -> Decision:
    return moderation.mute(room.state.muted, command)


def _ban(room: Room, _: Envelope, command: commands.ViewerBan, now_ms: int) -> Decision:
    return moderation.ban(room.state.banned, command)


def _slow_mode(room: Room, _: Envelope, command: commands.ChatSlowMode, now_ms: int) -> Decision:
    return moderation.slow_mode(room.state.slow_mode_ms, command)


def _chat_delete(room: Room, _: Envelope, command: commands.ChatDelete, now_ms: int) -> Decision:
    return moderation.delete(room.state.pinned_message, command)


def _chat_restore(room: Room, _: Envelope, command: commands.ChatRestore, now_ms: int) -> Decision:
    return moderation.restore(command)


def _chat_pin(room: Room, _: Envelope, command: commands.ChatPin, now_ms: int) -> Decision:
    return moderation.pin(room.state.pinned_message, command)


def _chat_unpin(room: Room, _: Envelope, command: commands.ChatUnpin, now_ms: int) -> Decision:
    return moderation.unpin(room.state.pinned_message)


def _chat_words(room: Room, _: Envelope, command: commands.ChatWords, now_ms: int) -> Decision:
    return moderation.block_words(room.state.blocked_words, command)


# -- who decides what ----------------------------------------------------------------------------

_Decide = Callable[[Room, Envelope, Any, int], Decision]


def _authored(decide: _Decide) -> _Decide:
    """The decision of somebody at the desk: its facts say whose it is, in the log."""

    def decide_and_sign(room: Room, asked: Envelope, command: Any, now_ms: int) -> Decision:
        decision = decide(room, asked, command, now_ms)
        if not decision.facts:
            return decision
        signed = (structs.replace(fact, by=asked.actor) for fact in decision.facts)
        return Decision(tuple(signed), decision.answer)

    return decide_and_sign


_BY_THE_DESK: dict[type, _Decide] = {
    commands.RoomCreate: _room_create,
    commands.RoomStart: _room_start,
    commands.RoomEnd: _room_end,
    commands.RulesSet: _rules_set,
    commands.StreamSet: _stream_set,
    commands.InvitationPut: _invitation_put,
    commands.InvitationWithdraw: _invitation_withdraw,
    commands.CardPut: _card_put,
    commands.CardPin: _card_pin,
    commands.CardWithdraw: _card_withdraw,
    commands.SlotPut: _slot_put,
    commands.Announce: _announce,
    commands.DropDraft: _drop_draft,
    commands.DraftDiscard: _draft_discard,
    commands.DraftSchedule: _draft_schedule,
    commands.DropSchedule: _drop_schedule,
    commands.DropOpen: _drop_open,
    commands.DropOpenRest: _drop_open_rest,
    commands.DropPause: _drop_pause,
    commands.DropRestock: _drop_restock,
    commands.DropClose: _drop_close,
    commands.CouponPut: _coupon_put,
    commands.OrderRefund: _order_refund,
    commands.ViewerMute: _mute,
    commands.ViewerBan: _ban,
    commands.ChatSlowMode: _slow_mode,
    commands.ChatDelete: _chat_delete,
    commands.ChatRestore: _chat_restore,
    commands.ChatPin: _chat_pin,
    commands.ChatUnpin: _chat_unpin,
    commands.ChatWords: _chat_words,
}
_DECISIONS: dict[type, _Decide] = {
    messages.CartAdd: _cart_add,
    messages.LineJoin: _line_join,
    messages.LineLeave: _line_leave,
    messages.LotteryEnter: _lottery_enter,
    messages.CartRemove: _cart_remove,
    messages.CartShow: _cart_show,
    messages.Checkout: _checkout,
    messages.OrderPay: _order_pay,
    messages.SlotsShow: _slots_show,
    messages.SlotChoose: _slot_choose,
    commands.PaymentApproved: _approved,
    commands.PaymentDeclined: _declined,
    commands.RefundSettled: _refunded,
    **{kind: _authored(decide) for kind, decide in _BY_THE_DESK.items()},
}


# -- folds -------------------------------------------------------------------------------------


def _epoch_started(state: RoomState, fact: facts.EpochStarted) -> None:
    state.epochs.append((fact.epoch, state.seq))
    del state.epochs[:-EPOCHS_KEPT]


def _room_created(state: RoomState, fact: facts.RoomCreated) -> None:
    state.title = fact.title
    state.sandbox = fact.sandbox


def _room_started(state: RoomState, fact: facts.RoomStarted) -> None:
    state.status = "live"


def _room_ended(state: RoomState, fact: facts.RoomEnded) -> None:
    state.status = "ended"


def _card_shown(state: RoomState, fact: facts.CardPushed | facts.CardUpdated) -> None:
    state.cards[fact.card.card_id] = fact.card


def _card_pinned(state: RoomState, fact: facts.CardPinned) -> None:
    state.pinned = fact.card_id


def _card_withdrawn(state: RoomState, fact: facts.CardWithdrawn) -> None:
    del state.cards[fact.card_id]
    if state.pinned == fact.card_id:
        state.pinned = None


def _announced(state: RoomState, fact: facts.Announced) -> None:
    """Said once and not kept."""


def _note(state: RoomState, fact: moderation.Moderated) -> None:
    moderation.note(state.actions, fact, state.seq, state.at_ms)


def _muted(state: RoomState, fact: facts.ViewerMuted) -> None:
    if fact.muted:
        state.muted[fact.viewer] = None
    else:
        state.muted.pop(fact.viewer, None)
    _note(state, fact)


def _banned(state: RoomState, fact: facts.ViewerBanned) -> None:
    if fact.banned:
        state.banned[fact.viewer] = None
    else:
        state.banned.pop(fact.viewer, None)
    _note(state, fact)


def _slow_mode_set(state: RoomState, fact: facts.SlowModeSet) -> None:
    state.slow_mode_ms = fact.interval_ms
    _note(state, fact)


def _message_pinned(state: RoomState, fact: facts.ChatPinned) -> None:
    state.pinned_message = fact.message
    _note(state, fact)


def _words_set(state: RoomState, fact: facts.ChatWordsSet) -> None:
    state.blocked_words = fact.words
    _note(state, fact)


def _desk_answered(state: RoomState, fact: facts.DeskAnswered) -> None:
    once.remember(state.answered, fact, state.at_ms)


def _stream_was_set(state: RoomState, fact: facts.StreamSet) -> None:
    state.stream = fact.stream


_FOLDS: dict[type, Callable[[RoomState, Any], None]] = {
    facts.EpochStarted: _epoch_started,
    facts.RoomCreated: _room_created,
    facts.RoomStarted: _room_started,
    facts.RoomEnded: _room_ended,
    facts.CardPushed: _card_shown,
    facts.CardUpdated: _card_shown,
    facts.CardPinned: _card_pinned,
    facts.CardWithdrawn: _card_withdrawn,
    facts.Announced: _announced,
    facts.ChatDeleted: _note,
    facts.ChatRestored: _note,
    facts.ChatPinned: _message_pinned,
    facts.ChatWordsSet: _words_set,
    facts.ViewerMuted: _muted,
    facts.ViewerBanned: _banned,
    facts.SlowModeSet: _slow_mode_set,
    facts.DeskAnswered: _desk_answered,
    facts.StreamSet: _stream_was_set,
}
