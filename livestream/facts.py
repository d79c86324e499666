"""Facts of the room itself, and the record that carries facts into the log.

Owns the vocabulary of the log beyond the counter's (`cart.events`). Refuses to know who decides.
"""

from __future__ import annotations

from msgspec import Struct

from cart.events import CounterEvent
from cart.fact import Fact
from livestream.messages import Card, PinnedMessage, Stream


class EpochStarted(Fact, frozen=True, tag="epoch.started"):
    """An engine took the room over. The first fact of each ownership."""

    epoch: int
    owner: str


class RoomCreated(Fact, frozen=True, tag="room.created"):
    """The room exists. A `sandbox` is for rehearsals: nothing in it is worth money, and it may be
    wiped.
    """

    title: str
    sandbox: bool = False


class RoomStarted(Fact, frozen=True, tag="room.started"):
    """The show began."""


class RoomEnded(Fact, frozen=True, tag="room.ended"):
    """The show is over."""


class CardPushed(Fact, frozen=True, tag="card.pushed"):
    """A new card is on screen."""

    card: Card


class CardUpdated(Fact, frozen=True, tag="card.updated"):
    """A card on screen has new content."""

    card: Card


class CardPinned(Fact, frozen=True, tag="card.pinned"):
    """This card comes first; None unpins."""

    card_id: str | None


class CardWithdrawn(Fact, frozen=True, tag="card.withdrawn"):
    """The card left the screen."""

    card_id: str


class Announced(Fact, frozen=True, tag="announcement"):
    """The host said something to everybody."""

    text: str


class ViewerMuted(Fact, frozen=True, tag="viewer.muted"):
    """A viewer lost the word, or (`muted` False) has it again."""

    viewer: str
    muted: bool


class ViewerBanned(Fact, frozen=True, tag="viewer.banned"):
    """A viewer was shown out, or (`banned` False) may come back."""

    viewer: str
    banned: bool


class SlowModeSet(Fact, frozen=True, tag="chat.slow_mode"):
    """Each viewer may chat once in `interval_ms`; 0 is off."""

    interval_ms: int


class StreamSet(Fact, frozen=True, tag="room.stream"):
    """The room's picture comes from here, or from nowhere."""

    stream: Stream


class ChatDeleted(Fact, frozen=True, tag="chat.deleted"):
    """A line of chat was taken away."""

    message_id: str


class ChatRestored(Fact, frozen=True, tag="chat.restored"):
    """A line that was taken away may be shown again."""

    message_id: str


class ChatPinned(Fact, frozen=True, tag="chat.pinned"):
    """This message stands above the chat; None: none does."""

    message: PinnedMessage | None


class ChatWordsSet(Fact, frozen=True, tag="chat.words"):
    """Lines with one of these words are not shown; the list before counts no more."""

    words: list[str]


class DeskAnswered(Fact, frozen=True, tag="desk.answered"):
    """A command of the desk was done under a key of its own, just before this: a repeat of what
    was `asked` gets `result`, which is JSON.
    """

    key: str
    asked: str
    command: str
    result: str


RoomFact = (
    EpochStarted
    | RoomCreated
    | RoomStarted
    | RoomEnded
    | CardPushed
    | CardUpdated
    | CardPinned
    | CardWithdrawn
    | Announced
    | ViewerMuted
    | ViewerBanned
    | SlowModeSet
    | StreamSet
    | ChatDeleted
    | DeskAnswered
    | ChatRestored
    | ChatPinned
    | ChatWordsSet
)
AnyFact = CounterEvent | RoomFact


class Record(Struct, frozen=True):
    """One group commit: facts with consecutive seqs, the last of which is the record's stream id.

    `cursor` is the id of the last inbox entry whose commands are decided in this record or before
    it.
    """

    epoch: int
    at_ms: int
    cursor: str
    facts: list[AnyFact]
