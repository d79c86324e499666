"""What moderators do with the chat and with those who talk.

Owns the way from a command to `moderation`, which decides. Refuses to know who says what.
"""

from __future__ import annotations

from cart.outcome import Decision
from livestream import commands, moderation
from livestream.commands import Envelope
from livestream.room.state import Decide, Room


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


TALK: dict[type, Decide] = {
    commands.ViewerMute: _mute,
    commands.ViewerBan: _ban,
    commands.ChatSlowMode: _slow_mode,
    commands.ChatDelete: _chat_delete,
    commands.ChatRestore: _chat_restore,
    commands.ChatPin: _chat_pin,
    commands.ChatUnpin: _chat_unpin,
    commands.ChatWords: _chat_words,
}
