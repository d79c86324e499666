"""What the desk does with the show itself: its beginning and end, cards, announcements.

Owns cards and the order of things in a show. Refuses to know stock and money.
"""

from __future__ import annotations

from msgspec import to_builtins

from cart import desk, invitation
from cart.outcome import Decision, ErrorCode, refuse
from livestream import commands, facts
from livestream.commands import Envelope
from livestream.room.state import Decide, Room

#: Cards on screen at once. With texts at their bounds a card is about 1.5 KiB, so the snapshot that
#: every newcomer gets stays below 100 KiB even then; real ones are a tenth of that.
CARDS_MAX = 64


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


SHOW: dict[type, Decide] = {
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
    commands.Announce: _announce,
}
