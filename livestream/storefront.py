"""The public view of a room: what a newcomer sees. Pure.

    Storefront.of(room)       from the engine's own state
    Storefront.apply(frame)   from the air, frame by frame; both ways give the same view

Owns the view, and how each public frame changes it. Refuses to know facts, bytes, sockets and
Redis: what of a fact is public is decided in `livestream.announcing`.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from cart.drop import DropStatus
from cart.invitation import ROOM
from cart.rules import RoomRules
from livestream.announcing import Frame
from livestream.messages import (
    CardView,
    ChatMessage,
    DropView,
    PinnedView,
    RoomStatus,
    RulesView,
    Snapshot,
    Stream,
    StreamView,
)
from livestream.room import EPOCHS_KEPT, Room, RoomState
from livestream.views import (
    card_view,
    drop_view,
    pinned_view,
    rules_view,
    set_shelves,
    show_rest,
    shown_status,
    stream_view,
)


class Storefront(Struct):
    """The room as a newcomer sees it, at `seq`. `muted`, `banned` and `invited` (to the room, not
    to single drops) are for gateways and never shown.
    """

    room: str
    title: str = ""
    status: RoomStatus = "created"
    seq: int = 0
    epochs: list[tuple[int, int]] = []
    cards: dict[str, CardView] = {}
    pinned: str | None = None
    drops: dict[str, DropView] = {}
    slow_mode_ms: int = 0
    pinned_message: PinnedView | None = None
    muted: dict[str, None] = field(default_factory=dict)
    banned: dict[str, None] = field(default_factory=dict)
    rules: RulesView = field(default_factory=lambda: rules_view(RoomRules()))
    invited: dict[str, None] = field(default_factory=dict)
    stream: StreamView = field(default_factory=lambda: stream_view(Stream()))

    @classmethod
    def of(cls, room: Room) -> Storefront:
        """The view of an engine's own state."""
        state: RoomState = room.state
        return cls(
            room=state.room,
            title=state.title,
            status=state.status,
            seq=state.seq,
            epochs=list(state.epochs),
            cards={card_id: card_view(card) for card_id, card in state.cards.items()},
            pinned=state.pinned,
            drops={drop_id: drop_view(drop) for drop_id, drop in state.books.drops.items()},
            slow_mode_ms=state.slow_mode_ms,
            pinned_message=pinned_view(state.pinned_message),
            muted=dict(state.muted),
            banned=dict(state.banned),
            rules=rules_view(state.books.rules),
            invited=dict.fromkeys(state.books.invited.get(ROOM, ())),
            stream=stream_view(state.stream),
        )

    @property
    def epoch(self) -> int:
        """The ownership that wrote last; 0 before the first."""
        return self.epochs[-1][0] if self.epochs else 0

    def covers(self, epoch: int, since: int) -> bool:
        """Whether a client that saw `since` under `epoch` saw a prefix of this very log.

        An offset alone lies: after a Redis that lost its last second, another owner may have
        written other facts under the same numbers.
        """
        starts = dict(self.epochs)
        start = starts.get(epoch)
        if start is None or since < start or since > self.seq:
            return False
        later = [first for number, first in self.epochs if number > epoch]
        return not later or since < later[0]

    def snapshot(self, viewers: int, likes: int, chat: list[ChatMessage]) -> Snapshot:
        """What `welcome` carries."""
        return {
            "title": self.title,
            "status": self.status,
            "cards": list(self.cards.values()),
            "pinned": self.pinned,
            "drops": list(self.drops.values()),
            "viewers": viewers,
            "likes": likes,
            "chat": chat,
            "pinned_message": self.pinned_message,
            "slow_mode_ms": self.slow_mode_ms,
            "rules": self.rules,
            "stream": self.stream,
        }

    def lets_in(self, viewer: str, invited: bool) -> bool:
        """Whether a viewer may be here, whose ticket claims `invited`."""
        return invited or not self.rules["invited_only"] or viewer in self.invited

    def apply(self, frame: Frame) -> None:
        """Fold one frame of the air; frames at or below `seq` are old news."""
        if frame["seq"] <= self.seq:
            return
        self.seq = frame["seq"]
        _APPLY[frame["type"]](self, frame)


def _put_card(view: Storefront, frame: Frame) -> None:
    view.cards[frame["card"]["card_id"]] = frame["card"]


def _withdraw_card(view: Storefront, frame: Frame) -> None:
    view.cards.pop(frame["card_id"], None)
    if view.pinned == frame["card_id"]:
        view.pinned = None


def _start_epoch(view: Storefront, frame: Frame) -> None:
    view.epochs.append((frame["epoch"], frame["seq"]))
    del view.epochs[:-EPOCHS_KEPT]


def _set_title(view: Storefront, frame: Frame) -> None:
    view.title = frame["title"]


def _set_status(status: RoomStatus) -> Callable[[Storefront, Frame], None]:
    def apply(view: Storefront, frame: Frame) -> None:
        view.status = status

    return apply


def _set_drop(status: DropStatus) -> Callable[[Storefront, Frame], None]:
    def apply(view: Storefront, frame: Frame) -> None:
        _move_drop(view.drops[frame["drop_id"]], status)

    return apply


def _open_drop(view: Storefront, frame: Frame) -> None:
    drop = view.drops[frame["drop_id"]]
    if frame.get("rest"):
        show_rest(drop)
    _move_drop(drop, DropStatus.OPEN)


def _move_drop(drop: DropView, status: DropStatus) -> None:
    drop["status"] = shown_status(status, drop["available"], drop["held"])


def _schedule_drop(view: Storefront, frame: Frame) -> None:
    view.drops[frame["drop"]["drop_id"]] = frame["drop"]


def _restock(view: Storefront, frame: Frame) -> None:
    view.drops[frame["drop_id"]]["supply"] += frame["quantity"]


def _set_stock(view: Storefront, frame: Frame) -> None:
    drop = view.drops[frame["drop_id"]]
    drop["available"], drop["held"], drop["sold"] = (
        frame["available"],
        frame["held"],
        frame["sold"],
    )
    drop["waiting"], drop["next"] = frame["waiting"], frame["next"]
    set_shelves(drop, frame.get("shelves", {}))
    # Off the air it is the plain word.
    _move_drop(drop, DropStatus(drop["status"]))


def _draw(view: Storefront, frame: Frame) -> None:
    view.drops[frame["drop_id"]]["lottery"]["seed"] = frame["seed"]


def _pin(view: Storefront, frame: Frame) -> None:
    view.pinned = frame["card_id"]


def _slow_mode(view: Storefront, frame: Frame) -> None:
    view.slow_mode_ms = frame["interval_ms"]


def _pin_message(view: Storefront, frame: Frame) -> None:
    view.pinned_message = frame["message"]


def _mark(marked: dict[str, None], viewer: str, on: bool) -> None:
    if on:
        marked[viewer] = None
    else:
        marked.pop(viewer, None)


def _set_rules(view: Storefront, frame: Frame) -> None:
    view.rules = frame["rules"]


def _set_stream(view: Storefront, frame: Frame) -> None:
    view.stream = frame["stream"]


def _invite(view: Storefront, frame: Frame) -> None:
    if frame["drop_id"] is None:
        view.invited.update(dict.fromkeys(frame["viewers"]))


def _uninvite(view: Storefront, frame: Frame) -> None:
    if frame["drop_id"] is None:
        for viewer in frame["viewers"]:
            view.invited.pop(viewer, None)


def _say(view: Storefront, frame: Frame) -> None:
    """Said once and not kept."""


_APPLY: dict[str, Callable[[Storefront, Frame], None]] = {
    "epoch.started": _start_epoch,
    "room.created": _set_title,
    "room.started": _set_status("live"),
    "room.ended": _set_status("ended"),
    "card.pushed": _put_card,
    "card.updated": _put_card,
    "card.pinned": _pin,
    "card.withdrawn": _withdraw_card,
    "announcement": _say,
    "chat.deleted": _say,
    "chat.pinned": _pin_message,
    "chat.slow_mode": _slow_mode,
    "viewer.muted": lambda view, frame: _mark(view.muted, frame["viewer"], frame["muted"]),
    "viewer.banned": lambda view, frame: _mark(view.banned, frame["viewer"], frame["banned"]),
    "room.rules": _set_rules,
    "room.stream": _set_stream,
    "invitation.put": _invite,
    "invitation.withdrawn": _uninvite,
    "drop.scheduled": _schedule_drop,
    "drop.opened": _open_drop,
    "drop.paused": _set_drop(DropStatus.PAUSED),
    "drop.sold_out": _set_drop(DropStatus.SOLD_OUT),
    "drop.closed": _set_drop(DropStatus.CLOSED),
    "drop.restocked": _restock,
    "lottery.drawn": _draw,
    "allocations.merged": _say,
    "stock.changed": _set_stock,
}
