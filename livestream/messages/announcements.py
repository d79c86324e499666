"""What everybody in the room is told: announcements, and chat and pulse.

Announcements are of the commerce lane: ordered, and recoverable by epoch and since. Chat and pulse
are best effort. Owns these frames. Refuses to know which facts they tell.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from livestream.messages.views import (
    CardView,
    ChatMessage,
    DropView,
    PinnedView,
    RulesView,
    StreamView,
)


class Announced(TypedDict):
    """Common to all announcements: the place in the log and the time of the decision."""

    seq: int
    at_ms: int


class RoomStarted(Announced):
    """The show begins."""

    type: Literal["room.started"]


class RoomEnded(Announced):
    """The show is over; orders that wait may still be paid."""

    type: Literal["room.ended"]


class EpochStarted(Announced):
    """Another engine took the room over. Remember `epoch` for a resume; nothing else changes."""

    type: Literal["epoch.started"]
    epoch: int


class CardPushed(Announced):
    """A new card, or (`card.updated`) a known one with new content."""

    type: Literal["card.pushed", "card.updated"]
    card: CardView


class CardPinned(Announced):
    """The card to show first; null unpins."""

    type: Literal["card.pinned"]
    card_id: str | None


class CardWithdrawn(Announced):
    """Take the card off the screen."""

    type: Literal["card.withdrawn"]
    card_id: str


class DropScheduled(Announced):
    """A drop is announced ahead of time: count down to `opens_at_ms` by server time."""

    type: Literal["drop.scheduled"]
    drop: DropView


class DropMoved(Announced):
    """A drop changed its state. With `rest` a presale or a lottery is over and what is left is sold
    as by any other drop: its view has no `presale` and no `lottery` any more.
    """

    type: Literal["drop.opened", "drop.paused", "drop.sold_out", "drop.closed"]
    drop_id: str
    rest: NotRequired[bool]


class DropRestocked(Announced):
    """New units arrived."""

    type: Literal["drop.restocked"]
    drop_id: str
    quantity: int


class LotteryDrawn(Announced):
    """A lottery was drawn from `seed`: `entered` viewers wait in the order that it gives them, and
    the first are offered units. Anyone can check it: docs/counter.md says how.
    """

    type: Literal["lottery.drawn"]
    drop_id: str
    seed: str
    entered: int


class AllocationsMerged(Announced):
    """What channels had for themselves is for everybody from now on: `moved` units by channel."""

    type: Literal["allocations.merged"]
    drop_id: str
    moved: dict[str, int]


class StockChanged(Announced):
    """Public stock, told at most four times a second for each drop. Ignore one with an older
    seq. It also moves an open drop: with something held and nothing available it is `all_held`,
    else `open`. `waiting` viewers are in line, the one with the number `next` is served next (0:
    nobody waits): whoever has the number n knows that at most n - next come first.
    """

    type: Literal["stock.changed"]
    drop_id: str
    sku: str
    available: int
    held: int
    sold: int
    waiting: int
    next: int
    shelves: NotRequired[dict[str, int]]


class RulesChanged(Announced):
    """The room has these rules from now on, and no others."""

    type: Literal["room.rules"]
    rules: RulesView


class StreamChanged(Announced):
    """The room's picture comes from here from now on."""

    type: Literal["room.stream"]
    stream: StreamView


class Announcement(Announced):
    """The host says something to everybody."""

    type: Literal["announcement"]
    text: str


class ChatDeleted(Announced):
    """A moderator took a line of chat away."""

    type: Literal["chat.deleted"]
    message_id: str


class ChatPinned(Announced):
    """This message stands above the chat from now on; null: none does."""

    type: Literal["chat.pinned"]
    message: PinnedView | None


class SlowModeChanged(Announced):
    """Each viewer may chat once in `interval_ms`; 0 is off."""

    type: Literal["chat.slow_mode"]
    interval_ms: int


# -- chat and pulse (best effort) ----------------------------------------------------------------


class Chat(TypedDict):
    """Chat of one tick; `skipped` lines were said and are not shown."""

    type: Literal["chat"]
    messages: list[ChatMessage]
    skipped: int


class Pulse(TypedDict):
    """The latest numbers and the server's clock."""

    type: Literal["pulse"]
    viewers: int
    likes: int
    server_time_ms: int
