"""A room as this gateway knows it: the public view, what viewers may have missed, who is here.

    on_air(seq, audience, frame)   a public fact: fold it, keep it, send it to everybody
    on_channel(payload)            a chat or pulse frame, ready-made by the room's mixer
    join(viewer)                   the welcome: a snapshot, or exactly what was missed

All of it is synchronous: between a viewer's welcome and its place in the broadcasts nothing can
come, so a newcomer sees no gap and no frame twice.

Owns the order of frames towards viewers. Refuses to know Redis, tickets and what viewers say.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Final, cast

import structlog
from msgspec import Raw

from cart.drop import DropStatus
from cart.outcome import ErrorCode, Refusal
from livestream import wire
from livestream.announcing import Frame
from livestream.gateway import chat, deflate
from livestream.gateway.audience import Audience
from livestream.gateway.counts import RoomCounts
from livestream.gateway.frames import deflated_frame, text_frame
from livestream.gateway.groups import Group
from livestream.gateway.lanes import Lane
from livestream.gateway.ring import Ring
from livestream.gateway.session import Place, Session
from livestream.gateway.viewer import Viewer
from livestream.messages import Chat, ChatMessage, CloseCode, Pulse
from livestream.storefront import Storefront

log = structlog.get_logger()

#: Lines of chat that a newcomer gets; as many as the mixer keeps.
HISTORY_LINES: Final = 50
#: Distinct viewers not yet counted in Redis: 100,000 × about 110 bytes = 11 MB while it is away.
UNCOUNTED_MAX: Final = 100_000
#: How far a returning viewer can be ahead of this gateway, in seqs; a Redis that answers some
#: gateways later than others makes it a handful.
AHEAD_MAX: Final = 10_000

#: What somebody reads who may not come in, or not stay.
NOT_INVITED: Final = "this room is for invited viewers"

#: Who is asked to connect again is told when: everybody something else, within these ms. Of the
#: 20,000 of a gateway, closed over 4 s, some 3,300 come back a second.
_COME_BACK_MS: Final = (250, 2_250)


def come_back() -> str:
    """The reason of a close that asks to connect again, and how soon."""
    return f"retry_after_ms={random.randint(*_COME_BACK_MS)}"


class Members:
    """Who is connected under which viewer id. Most have one connection, and then no set."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[str, Viewer | dict[Viewer, None]] = {}

    def add(self, viewer: Viewer) -> None:
        known = self._of.setdefault(viewer.id, viewer)
        if isinstance(known, dict):
            known[viewer] = None
        elif known is not viewer:
            self._of[viewer.id] = {known: None, viewer: None}

    def remove(self, viewer: Viewer) -> None:
        known = self._of.get(viewer.id)
        if known is viewer:
            del self._of[viewer.id]
        elif isinstance(known, dict):
            known.pop(viewer, None)
            if not known:
                del self._of[viewer.id]

    def find(self, viewer_id: str) -> Iterator[Viewer]:
        """Every connection of this viewer."""
        known = self._of.get(viewer_id)
        if isinstance(known, dict):
            yield from tuple(known)
        elif known is not None:
            yield known


class RoomView:
    """One room. `counts` outlives it: a room is let go when nobody watches it any more."""

    def __init__(
        self,
        audience: Audience,
        storefront: Storefront,
        counts: RoomCounts,
        past: Ring | None = None,
    ) -> None:
        self.name = storefront.room
        self.storefront = storefront
        self.counts = counts
        counts.seq = storefront.seq
        self.members = Members()
        self.ring = Ring(storefront.seq) if past is None else past
        self.history: dict[str, ChatMessage] = {}
        self.said: list[ChatMessage] = []  # lines on their way to the mixer
        self.awaited = chat.Awaited()  # and those that did not come back yet
        self.uninvited: list[Viewer] = []  # in the room, which is for others now: to be closed
        self._audience = audience
        # Returned viewers who have seen more than we have, and what: they wait until we are there.
        self._ahead: dict[Viewer, Place] = {}
        self._make_groups()
        self._viewers = 0
        self._likes = 0
        self._welcome_end = b""  # "": to be made anew
        self._welcome_end_deflated = b""  # "": nobody has asked for it
        self._gone: dict[str, Refusal] | None = None  # None: to be looked up anew

    @property
    def group(self) -> Group:
        """Where a viewer starts."""
        return self._everything

    @property
    def behind(self) -> int:
        """Viewers whose socket is full now."""
        return sum(group.behind for group in self._groups)

    # -- what the room says --------------------------------------------------------------------

    def on_air(self, seq: int, audience: str, raw: Raw) -> None:
        """One public frame of the log, in order; one that is known already changes nothing."""
        if seq <= self.storefront.seq:
            return
        frame = wire.decode_frame(raw)
        try:
            self.storefront.apply(frame)
        except KeyError:
            # A fact from an engine newer than this gateway: carry it all the same.
            log.exception("frame.not_folded", room=self.name, seq=seq, type=frame["type"])
        self.counts.seq = seq
        self._welcome_end = b""
        self._gone = None
        self._let_in(seq - 1)
        self._heed(frame)
        if audience != "gateways":
            if frame["type"] == "chat.deleted":
                self.history.pop(frame["message_id"], None)
            framed = text_frame(bytes(raw))
            self.ring.append(seq, framed)
            arrival = self.counts.announce(frame["type"], seq, frame["at_ms"])
            self._audience.broadcast(self._everything, framed, Lane.COMMERCE, arrival)
            self._audience.broadcast(self._commerce, framed, Lane.COMMERCE, arrival)
        self._let_in(seq)

    def on_channel(self, payload: bytes) -> None:
        """A chat or pulse frame."""
        frame = wire.decode_frame(payload)
        lane = Lane.PULSE
        if frame["type"] == "chat":
            lane = Lane.CHAT
            shown = cast(Chat, frame)["messages"]
            self.awaited.shown(shown)
            self.remember(shown)
        else:
            pulse = cast(Pulse, frame)
            self._viewers, self._likes = pulse["viewers"], pulse["likes"]
            self._welcome_end = b""
        self._audience.broadcast(self._everything, text_frame(payload), lane)

    def on_private(self, viewer_id: str, frame: bytes) -> None:
        """A frame for one viewer, wherever that viewer is connected."""
        framed = text_frame(frame)
        for viewer in self.members.find(viewer_id):
            self._audience.send(viewer, framed, Lane.PRIVATE)

    def remember(self, lines: list[ChatMessage]) -> None:
        """Lines of chat that were shown, oldest first."""
        self.history.update((line["id"], line) for line in lines)
        for message_id in list(self.history)[:-HISTORY_LINES]:
            del self.history[message_id]
        self._welcome_end = b""

    def start_over(self, storefront: Storefront) -> list[Viewer]:
        """Frames were missed, or the log is another one: go on from `storefront`.

        Returns everybody who was here. They hear nothing more, so that nobody takes what comes next
        for what comes after what they have seen; the caller closes them, to fetch a snapshot.
        """
        here = [viewer for group in self._groups for viewer in group]
        self._make_groups()
        self._ahead.clear()
        self.storefront = storefront
        self.counts.seq = storefront.seq
        self.ring = Ring(storefront.seq)
        self._welcome_end = b""
        self._gone = None
        return here

    def _make_groups(self) -> None:
        self._everything = self._audience.group(f"{self.name}: everything")
        self._commerce = self._audience.group(f"{self.name}: commerce only")
        self._ahead_group = self._audience.group(f"{self.name}: ahead of us")
        self._groups = (self._everything, self._commerce, self._ahead_group)

    def _heed(self, frame: Frame) -> None:
        """Who may no longer be here goes."""
        match frame["type"]:
            case "viewer.banned" if frame["banned"]:
                for viewer in self.members.find(frame["viewer"]):
                    self._audience.close_viewer(viewer, CloseCode.BANNED, "banned")
            case "room.rules":
                self._show_out(viewer for group in self._groups for viewer in group)
            case "invitation.withdrawn" if frame["drop_id"] is None:
                self._show_out(v for name in frame["viewers"] for v in self.members.find(name))

    def _show_out(self, viewers: Iterable[Viewer]) -> None:
        """Those of them who are not invited are to be closed."""
        if self.storefront.rules["invited_only"]:
            lets_in = self.storefront.lets_in
            self.uninvited += [
                viewer
                for viewer in viewers
                if not lets_in(viewer.id, cast(Session, viewer.state).standing.invited)
            ]

    def _let_in(self, seq: int) -> None:
        """Those who were ahead of us and have seen nothing beyond `seq` hear what comes next."""
        for viewer, (epoch, since) in list(self._ahead.items()):
            if since <= seq:
                del self._ahead[viewer]
                if self.storefront.covers(epoch, since):
                    self._seat(viewer)
                else:  # the log went on differently from what this viewer saw of it
                    self._audience.close_viewer(viewer, CloseCode.RESTARTING, come_back())

    # -- who is here ---------------------------------------------------------------------------

    def join(self, viewer: Viewer, now_ms: int) -> bool:
        """Welcome a viewer; True if it only gets what it missed."""
        session = cast(Session, viewer.state)
        place, session.place = session.place, None
        self._count_in(viewer, session)
        if place is not None and self._is_ahead(place):
            self._ahead[viewer] = place
            self._audience.move(viewer, self._ahead_group)
            self._audience.send(viewer, self._resumed(viewer, session, place, now_ms))
            return True
        missed = None
        if place is not None and self.storefront.covers(*place):
            missed = self.ring.missed(place[1])
        if missed is None:
            self._audience.send(viewer, self._welcome(viewer, session, now_ms))
            return False
        here = (self.storefront.epoch, self.storefront.seq)
        self._audience.send(viewer, self._resumed(viewer, session, here, now_ms) + missed)
        return True

    def leave(self, viewer: Viewer, code: int) -> None:
        """The viewer is gone."""
        self.members.remove(viewer)
        self._ahead.pop(viewer, None)
        counts = self.counts
        counts.left += 1
        counts.slow_evictions += code == CloseCode.TOO_SLOW
        counts.by_channel[viewer.channel] -= 1
        if not counts.by_channel[viewer.channel]:
            del counts.by_channel[viewer.channel]

    def attend(self, viewer: Viewer, wants_all: bool) -> None:
        """Give a viewer everything, or commerce only."""
        cast(Session, viewer.state).manners.wants_all = wants_all
        if viewer.group in (self._everything, self._commerce):
            self._seat(viewer)

    def refusal_of(self, sku: str) -> Refusal | None:
        """Why nobody can get this SKU any more, if so it is.

        Only once nothing of it is free or held on the screen: while something is held, the same
        command may have been answered with success before, and its repeat must get that answer.
        That a drop has not opened yet is for the engine's clock to say.
        """
        if self._gone is None:
            self._gone = self._find_gone()
        return self._gone.get(sku)

    def _find_gone(self) -> dict[str, Refusal]:
        gone: dict[str, Refusal] = {}
        for drop in self.storefront.drops.values():  # of one SKU the last one sells
            gone.pop(drop["sku"], None)
            if drop["available"] or drop["held"]:
                continue
            if drop["status"] == DropStatus.SOLD_OUT:
                message = f"{drop['title']} is sold out"
                gone[drop["sku"]] = Refusal(ErrorCode.SOLD_OUT, message)
            elif drop["status"] == DropStatus.CLOSED:
                message = f"the drop of {drop['title']} has ended"
                gone[drop["sku"]] = Refusal(ErrorCode.CLOSED, message)
        return gone

    def _seat(self, viewer: Viewer) -> None:
        wants_all = cast(Session, viewer.state).wants_all
        self._audience.move(viewer, self._everything if wants_all else self._commerce)

    def _count_in(self, viewer: Viewer, session: Session) -> None:
        counts = self.counts
        counts.joined += 1
        counts.by_channel[viewer.channel] += 1
        counts.of_channel(viewer.channel).joined += 1
        # A guest has no name to be found under, nor to be counted once.
        if session.standing.role == "guest":
            return
        self.members.add(viewer)
        if len(counts.uncounted) < UNCOUNTED_MAX:
            counts.uncounted.add(viewer.id)

    def _is_ahead(self, place: Place) -> bool:
        """Whether this viewer has seen, through another gateway, what has not reached this one."""
        epoch, since = place
        store = self.storefront
        return epoch >= store.epoch > 0 and store.seq < since <= store.seq + AHEAD_MAX

    # -- the welcome ---------------------------------------------------------------------------

    def _welcome(self, viewer: Viewer, session: Session, now_ms: int) -> bytes:
        """The frame with the snapshot. All but the first hundred bytes is the same for everybody,
        made once per change, and deflated once for those who negotiated.
        """
        if not self._welcome_end:
            store = self.storefront
            shown = store.snapshot(self._viewers, self._likes, list(self.history.values()))
            end = {"epoch": store.epoch, "seq": store.seq, "resumed": False, "snapshot": shown}
            self._welcome_end = wire.encode(end)[1:]
            self._welcome_end_deflated = b""
        head = {
            "type": "welcome",
            "room": self.name,
            "viewer": viewer.id,
            "role": session.standing.role,
            "server_time_ms": now_ms,
        }
        beginning = wire.encode(head)[:-1] + b","
        if viewer.window_bits < deflate.fits(len(self._welcome_end)):
            return text_frame(beginning + self._welcome_end)
        if not self._welcome_end_deflated:
            self._welcome_end_deflated = deflate.deflate(self._welcome_end)
        return deflated_frame(deflate.stored(beginning) + self._welcome_end_deflated)

    def _resumed(self, viewer: Viewer, session: Session, place: Place, now_ms: int) -> bytes:
        frame = {
            "type": "welcome",
            "room": self.name,
            "viewer": viewer.id,
            "role": session.standing.role,
            "epoch": place[0],
            "seq": place[1],
            "server_time_ms": now_ms,
            "resumed": True,
        }
        return text_frame(wire.encode(frame))
