"""The doorkeeper: who may come in, and what plain HTTP gets.

    GET /live/{room}?ticket=…&epoch=…&since=…     a viewer; without a ticket a guest, who may watch

Owns the check of tickets, bans, invitations and rooms, and the answers 401, 403, 404, 429 and 503.
Refuses to know what viewers say (`conversation`) and what they are shown (`rooms`).
"""

from __future__ import annotations

import random
import time
from asyncio import Future
from collections.abc import Callable
from sys import intern
from typing import Final, cast
from urllib.parse import unquote_plus

from livestream import clock
from livestream.attendance import GUEST_CHANNEL
from livestream.gateway.addresses import Addresses
from livestream.gateway.conversation import Conversation
from livestream.gateway.directory import Directory
from livestream.gateway.door import Admission, HandshakeRequest, HttpReply, refusal
from livestream.gateway.rooms import NOT_INVITED, RoomView
from livestream.gateway.session import GUEST, Place, Session, standing_of
from livestream.gateway.viewer import Viewer
from livestream.tickets import BadTicket, read_ticket

_LIVE: Final = "/live/"
#: A room's view is there within milliseconds of its creation; HTTP counts in whole seconds.
LOADING_RETRY_S: Final = 1
#: In 12 s an address has room for 600 more (`addresses.GUESTS_PER_S`).
_CROWDED_RETRY_S: Final = (3, 12)
#: More digits than any log's seq or epoch has.
_DIGITS_MAX: Final = 18

#: Plain HTTP pages by path.
Pages = dict[str, Callable[[], HttpReply | Future[HttpReply]]]


class Doorkeeper:
    """The `Door` of this gateway's audience."""

    def __init__(self, gateway: str, secret: str, pages: Pages, addresses: Addresses) -> None:
        self._gateway = gateway
        self._secret = secret
        self._pages = pages
        self._addresses = addresses
        self._guests = 0
        self.joined_new = 0
        self.joined_resumed = 0

    def begin(self, directory: Directory, conversation: Conversation) -> None:
        """Learn who is behind the door. They need the audience, which needs its door first."""
        self._directory = directory
        self._conversation = conversation

    def answer(self, request: HandshakeRequest) -> HttpReply | Future[HttpReply]:
        """A GET without an upgrade."""
        page = self._pages.get(request.path)
        if page is not None:
            return page()
        if request.path.startswith(_LIVE):
            upgrade = (("Upgrade", "websocket"),)
            return HttpReply(426, b"this is a websocket address\n", headers=upgrade)
        return refusal(404, "no such page")

    def admit(self, request: HandshakeRequest) -> Admission | HttpReply:
        """A websocket upgrade: the room first, then the ticket, then whether it opens this room."""
        room = self._room_of(request.path)
        if isinstance(room, HttpReply):
            return room
        query = parse_query(request.query)
        place = place_of(query)
        token = query.get("ticket")
        if not token:
            if not self._within_budget(request):
                return _crowded()
            if room.storefront.rules["invited_only"]:
                return refusal(403, NOT_INVITED)
            self._guests += 1
            guest = f"guest-{self._gateway}-{self._guests}"
            session = Session(room, GUEST, b"", 0, place)
            return Admission(room.group, guest, GUEST_CHANNEL, session)
        ticket = read_ticket(self._secret, token, room.name, clock.now_ms())
        if isinstance(ticket, BadTicket):
            if not self._within_budget(request):
                return _crowded()
            return refusal(403 if ticket.reason == "wrong_room" else 401, ticket.message)
        if ticket.viewer in room.storefront.banned:
            return refusal(403, "you have been shown out of this room")
        if not room.storefront.lets_in(ticket.viewer, ticket.invited):
            return refusal(403, NOT_INVITED)
        standing = standing_of("viewer", ticket.tier, ticket.invited)
        session = Session(room, standing, ticket.name.encode(), ticket.expires_at_ms, place)
        # One text for all of a channel: 55 bytes less of each viewer.
        return Admission(room.group, ticket.viewer, intern(ticket.channel), session)

    def _within_budget(self, request: HandshakeRequest) -> bool:
        return self._addresses.admits(request, time.monotonic_ns() // 1_000)

    def joined(self, viewer: Viewer) -> None:
        """The viewer is in: what it sees first."""
        if _session(viewer).room.join(viewer, clock.now_ms()):
            self.joined_resumed += 1
        else:
            self.joined_new += 1

    def heard(self, viewer: Viewer, payload: bytes) -> None:
        """The viewer said something."""
        self._conversation.heard(viewer, payload)

    def left(self, viewer: Viewer, code: int) -> None:
        """The viewer is gone."""
        _session(viewer).room.leave(viewer, code)

    def _room_of(self, path: str) -> RoomView | HttpReply:
        if not path.startswith(_LIVE):
            return refusal(404, "no such page; viewers connect to /live/{room}")
        found = self._directory.find(unquote_plus(path[len(_LIVE) :]))
        if found == "unknown":
            return refusal(404, "no such room")
        if found == "loading":
            return refusal(503, "the room is not ready yet", LOADING_RETRY_S)
        return found


def _crowded() -> HttpReply:
    """The wait differs, so that those who share an address do not come back in one instant."""
    wait_s = random.randint(*_CROWDED_RETRY_S)
    return refusal(429, "too many without a ticket from this address", wait_s)


def parse_query(query: str) -> dict[str, str]:
    """The parameters of a query; of one given twice the last counts."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return {name: unquote_plus(value) for name, _, value in pairs}


def place_of(query: dict[str, str]) -> Place | None:
    """What a returning viewer has seen, (epoch, since); None if it does not say, or not in
    numbers: then it gets the snapshot.
    """
    epoch, since = query.get("epoch", ""), query.get("since", "")
    if not all(text.isascii() and text.isdecimal() for text in (epoch, since)):
        return None
    if max(len(epoch), len(since)) > _DIGITS_MAX:
        return None
    return int(epoch), int(since)


def _session(viewer: Viewer) -> Session:
    return cast(Session, viewer.state)
