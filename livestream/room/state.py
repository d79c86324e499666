"""A room in memory.

Owns what a snapshot keeps of it. Refuses to know what changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from cart.books import Books
from cart.counter import Counter
from cart.outcome import Decision
from livestream import moderation, once
from livestream.commands import Envelope
from livestream.messages import Card, PinnedMessage, RoomStatus, Stream


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


#: What one kind of command leads to: (room, the envelope, its command, now_ms).
Decide = Callable[[Room, Envelope, Any, int], Decision]
