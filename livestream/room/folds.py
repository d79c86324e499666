"""What each fact of the room does to its state. Facts of the counter are folded by `cart`.

Owns the only way in which the state of a room changes. Refuses to decide anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livestream import facts, moderation, once
from livestream.room.state import RoomState

#: Ownerships that a resume can reach back over.
EPOCHS_KEPT = 16


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


FOLDS: dict[type, Callable[[RoomState, Any], None]] = {
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
