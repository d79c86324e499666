"""Moderation of a room: who has the word, what is shown of what is said, who decided it. Pure.

    mute, ban, slow_mode, delete, restore, pin, unpin, block_words   -> Decision
    note(actions, fact, seq, at_ms)                                  the last of them are remembered

Owns these decisions, their bounds, and the memory of who made them. Refuses to know what was said:
chat is beside the log (`engine.mixer`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from msgspec import Struct

from cart.fact import tag_of
from cart.outcome import Decision, ErrorCode, refuse
from livestream import commands, facts
from livestream.blocked_words import is_word
from livestream.messages import PinnedMessage

#: Viewers a moderator may mute, and ban, in one room: 10,000 x about 120 bytes = 1.2 MB each.
MODERATED_MAX = 10_000
#: Actions that a room remembers: 500 x about 150 bytes = 75 KB in the snapshot, 200 KB if every
#: one of them pinned a text.
ACTIONS_KEPT = 500
#: Of a pinned text so much is remembered.
PINNED_CHARACTERS_KEPT = 80

Moderated = (
    facts.ViewerMuted
    | facts.ViewerBanned
    | facts.SlowModeSet
    | facts.ChatDeleted
    | facts.ChatRestored
    | facts.ChatPinned
    | facts.ChatWordsSet
)
ActionType = Literal[
    "viewer.muted",
    "viewer.banned",
    "chat.slow_mode",
    "chat.deleted",
    "chat.restored",
    "chat.pinned",
    "chat.words",
]


class Action(Struct, frozen=True, gc=False, omit_defaults=True):
    """What somebody did about the chat: the fact of this `seq` and who asked for it. `undone` says
    the contrary of the type: unmuted, let in, unpinned. `words` is how many are blocked now.
    """

    seq: int
    at_ms: int
    by: str
    type: str
    viewer: str = ""
    message_id: str = ""
    name: str = ""
    text: str = ""
    interval_ms: int | None = None
    words: int | None = None
    undone: bool = False


# -- what is decided -----------------------------------------------------------------------------


def mute(muted: Collection[str], command: commands.ViewerMute) -> Decision:
    """Take the word from a viewer, or give it back."""
    answer = {"viewer": command.viewer, "muted": command.muted}
    if command.muted == (command.viewer in muted):
        return Decision((), answer)
    if command.muted and len(muted) >= MODERATED_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"at most {MODERATED_MAX} muted viewers")
    return Decision((facts.ViewerMuted(command.viewer, command.muted),), answer)


def ban(banned: Collection[str], command: commands.ViewerBan) -> Decision:
    """Show a viewer out, or let one in again."""
    answer = {"viewer": command.viewer, "banned": command.banned}
    if command.banned == (command.viewer in banned):
        return Decision((), answer)
    if command.banned and len(banned) >= MODERATED_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"at most {MODERATED_MAX} banned viewers")
    return Decision((facts.ViewerBanned(command.viewer, command.banned),), answer)


def slow_mode(interval_ms: int, command: commands.ChatSlowMode) -> Decision:
    """Space the lines of each viewer."""
    answer = {"interval_ms": command.interval_ms}
    if command.interval_ms == interval_ms:
        return Decision((), answer)
    return Decision((facts.SlowModeSet(command.interval_ms),), answer)


def delete(pinned: PinnedMessage | None, command: commands.ChatDelete) -> Decision:
    """Take a line away, also from above the chat."""
    message_id = command.message_id
    answer = {"message_id": message_id}
    deleted = facts.ChatDeleted(message_id)
    if pinned is not None and pinned.message_id == message_id:
        return Decision((deleted, facts.ChatPinned(None)), answer)
    return Decision((deleted,), answer)


def restore(command: commands.ChatRestore) -> Decision:
    """Show a line again that was taken away."""
    message_id = command.message_id
    return Decision((facts.ChatRestored(message_id),), {"message_id": message_id})


def pin(pinned: PinnedMessage | None, command: commands.ChatPin) -> Decision:
    """Put a message above the chat."""
    message = command.message
    if not message.text.strip():
        return refuse(ErrorCode.INVALID, "nothing is left of the text")
    done = message == pinned
    return Decision(() if done else (facts.ChatPinned(message),), {"pinned": True})


def unpin(pinned: PinnedMessage | None) -> Decision:
    """Take the message away that stands above the chat."""
    return Decision(() if pinned is None else (facts.ChatPinned(None),), {"pinned": False})


def block_words(blocked: list[str], command: commands.ChatWords) -> Decision:
    """Give the list of words that are not shown."""
    words = list(dict.fromkeys(command.words))
    for word in words:
        if not is_word(word):
            return refuse(ErrorCode.INVALID, f"nothing is left of {word!r} to be looked for")
    done = words == blocked
    return Decision(() if done else (facts.ChatWordsSet(words),), {"count": len(words)})


# -- who did what --------------------------------------------------------------------------------


def note(actions: list[Action], fact: Moderated, seq: int, at_ms: int) -> None:
    """Remember who did this; the oldest is forgotten."""
    actions.append(_action(fact, seq, at_ms))
    del actions[:-ACTIONS_KEPT]


def _action(fact: Moderated, seq: int, at_ms: int) -> Action:
    by, kind = fact.by, tag_of(type(fact))
    match fact:
        case facts.ViewerMuted():
            return Action(seq, at_ms, by, kind, viewer=fact.viewer, undone=not fact.muted)
        case facts.ViewerBanned():
            return Action(seq, at_ms, by, kind, viewer=fact.viewer, undone=not fact.banned)
        case facts.SlowModeSet():
            return Action(seq, at_ms, by, kind, interval_ms=fact.interval_ms)
        case facts.ChatDeleted() | facts.ChatRestored():
            return Action(seq, at_ms, by, kind, message_id=fact.message_id)
        case facts.ChatWordsSet():
            return Action(seq, at_ms, by, kind, words=len(fact.words))
        case facts.ChatPinned():
            message = fact.message
            if message is None:
                return Action(seq, at_ms, by, kind, undone=True)
            text = message.text[:PINNED_CHARACTERS_KEPT]
            return Action(
                seq, at_ms, by, kind, message_id=message.message_id, name=message.name, text=text
            )
