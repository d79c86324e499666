"""What viewers say, and what comes of it.

    cart.*, line.*                 to the engine (`outbox`), unless the answer is known here
    checkout, order.pay            already
    chat.send                      cleaned, to the room's mixer
    like                           counted
    attention                      everything, or commerce only

Every message with an id gets exactly one reply. Nothing here waits: no coroutine for a viewer.

Owns manners: who may speak, how often, and when it is enough. Refuses to know Redis and sockets.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from cart.fact import tag_of
from cart.outcome import ErrorCode, Refusal
from livestream import clock, wire
from livestream.config import Limits
from livestream.gateway import chat
from livestream.gateway.audience import Audience
from livestream.gateway.frames import text_frame
from livestream.gateway.outbox import Outbox
from livestream.gateway.rooms import RoomView
from livestream.gateway.session import Session
from livestream.gateway.speakers import Speakers
from livestream.gateway.viewer import Viewer
from livestream.messages import (
    AnyViewerMessage,
    Attention,
    CartAdd,
    ChatMessage,
    ChatNotShown,
    ChatSend,
    CloseCode,
    Like,
    LineJoin,
    ShoppingMessage,
)
from livestream.peers import Rate

#: Taps come in bundles of up to 50; an app sends one bundle or two a second.
LIKES_PER_S: Final = 4
LIKES_BURST: Final = 8
#: Refusals for being too fast or unreadable. A client with a bug gets 20 answers that say so; after
#: that it costs more than it tells: at one a second it may go on, faster it is closed (4029).
MISUSES_PER_S: Final = 1
MISUSES_BURST: Final = 20
#: How much of a reason is told: it quotes what was sent, and nobody needs 8 KiB of that back.
REASON_CHARACTERS_MAX: Final = 200

_MISUSES: Final = frozenset({ErrorCode.INVALID, ErrorCode.RATE_LIMITED})

#: A result, a refusal, or None when the engine will answer.
Answer = Mapping[str, Any] | Refusal | None

_FORBIDDEN = Refusal(ErrorCode.FORBIDDEN, "guests may watch; a ticket lets you take part")
_MUTED = Refusal(ErrorCode.MUTED, "a moderator took the word from you")
_NOTHING_SAID = Refusal(ErrorCode.INVALID, "nothing is left of the text")
_CROWDED = Refusal(ErrorCode.RATE_LIMITED, "more is said than anybody can read", 1_000)
_AWAY = Refusal(ErrorCode.BUSY, "the room cannot be reached just now", 1_000)


class Conversation:
    """All that is said to this gateway. `now_us` is a clock that never goes back."""

    def __init__(
        self,
        gateway: str,
        audience: Audience,
        outbox: Outbox,
        limits: Limits,
        now_us: Callable[[], int],
    ) -> None:
        self._gateway = gateway
        self._audience = audience
        self._outbox = outbox
        self._now_us = now_us
        self._commands = Rate(limits.commands_per_s, limits.commands_burst)
        self._chat = Rate(limits.chat_per_s, limits.chat_burst)
        self._likes = Rate(LIKES_PER_S, LIKES_BURST)
        self._misuse = Rate(MISUSES_PER_S, MISUSES_BURST)
        self._too_many_commands = _slower("commands", limits.commands_per_s)
        self._too_much_chat = _slower("chat", limits.chat_per_s)
        self._too_many_likes = _slower("likes", LIKES_PER_S)
        self._speakers = Speakers()
        self._lines_said = 0
        #: Messages so far, by type and what they got at once ("ok": done, or passed on).
        self.heard_by_type: Counter[tuple[str, str]] = Counter()
        #: Some line of chat waits to be carried to a mixer.
        self.chat_waits = asyncio.Event()

    def heard(self, viewer: Viewer, payload: bytes) -> None:
        """One message: exactly one reply, now or from the engine; or the end of the connection."""
        session = cast(Session, viewer.state)
        if self._close_if_expired(viewer, session, clock.now_ms()):
            return
        message = wire.read_message(payload)
        answer: Answer
        if isinstance(message, wire.Malformed):
            kind, to = "unreadable", message.to
            answer = Refusal(ErrorCode.INVALID, message.refusal.message[:REASON_CHARACTERS_MAX])
        else:
            kind, to = tag_of(type(message)), message.id
            answer = self._consider(viewer, session, message)
        self.heard_by_type[kind, answer.code if isinstance(answer, Refusal) else "ok"] += 1
        if answer is not None:
            self._audience.send(viewer, text_frame(wire.encode_reply(to, answer)))
        if isinstance(answer, Refusal) and answer.code in _MISUSES:
            self._count_misuse(viewer, session)

    def tell_what_was_not_shown(self, room: RoomView) -> bool:
        """Nobody should wait for a line to appear that does not. False if there is none to tell of;
        else there may be more.
        """
        late = room.awaited.given_up(self._now_us())
        for viewer, message_ids in late.items():
            told: ChatNotShown = {"type": "chat.not_shown", "message_ids": message_ids}
            self._audience.send(viewer, text_frame(wire.encode(told)))
        return bool(late)

    def close_expired(self, viewers: Iterable[Viewer]) -> None:
        """Close those whose tickets have run out (4001)."""
        now_ms = clock.now_ms()
        for viewer in viewers:
            self._close_if_expired(viewer, cast(Session, viewer.state), now_ms)

    def _close_if_expired(self, viewer: Viewer, session: Session, now_ms: int) -> bool:
        expired = 0 < session.expires_at_ms <= now_ms
        if expired:
            self._audience.close_viewer(viewer, CloseCode.TICKET_EXPIRED, "the ticket has expired")
        return expired

    def _consider(self, viewer: Viewer, session: Session, message: AnyViewerMessage) -> Answer:
        if session.standing.role == "guest" and type(message) is not Attention:
            return _FORBIDDEN
        match message:
            case ChatSend():
                return self._say(viewer, session, message)
            case Like():
                return self._like(session, message)
            case Attention():
                return self._attend(viewer, session, message)
            case _:
                return self._shop(viewer, session, message)

    def _shop(self, viewer: Viewer, session: Session, command: ShoppingMessage) -> Answer:
        full_at_us = self._commands.take(session.manners.commands_full_at_us, self._now_us())
        if full_at_us < 0:
            return self._too_many_commands
        session.manners.commands_full_at_us = full_at_us
        if isinstance(command, CartAdd | LineJoin):
            # The rush does not end when the last unit is sold. What everybody sees on the screen
            # can be answered here, and the engine goes on serving those who can still win.
            gone = session.room.refusal_of(command.sku)
            if gone is not None:
                if isinstance(command, CartAdd):
                    session.room.counts.of_channel(viewer.channel).attempts += 1
                return gone
        return self._outbox.offer(session.room.name, viewer, command)

    def _say(self, viewer: Viewer, session: Session, message: ChatSend) -> Answer:
        room, now_us = session.room, self._now_us()
        speaker = self._speakers.of(room.name, viewer.id, now_us)
        full_at_us = self._chat.take(speaker.full_at_us, now_us)
        if full_at_us < 0:
            return self._too_much_chat
        speaker.full_at_us = full_at_us
        if viewer.id in room.storefront.muted:
            return _MUTED
        wait_ms = room.storefront.slow_mode_ms - (now_us - speaker.said_at_us) // 1_000
        if wait_ms > 0:
            return Refusal(ErrorCode.RATE_LIMITED, "slow mode", wait_ms)
        text = chat.clean(message.text)
        if not text:
            return _NOTHING_SAID
        if not self._outbox.redis_answers:
            return _AWAY
        if len(room.said) >= chat.LINES_PER_TICK_MAX:
            return _CROWDED
        speaker.said_at_us = now_us
        self._lines_said += 1
        line: ChatMessage = {
            "id": f"{self._gateway}-{self._lines_said}",
            "viewer": viewer.id,
            "name": session.name,
            "text": text,
            "at_ms": clock.now_ms(),
        }
        room.said.append(line)
        room.awaited.said(line["id"], viewer, now_us)
        room.counts.chat_accepted += 1
        self.chat_waits.set()
        return {"message_id": line["id"]}

    def _like(self, session: Session, message: Like) -> Answer:
        full_at_us = self._likes.take(session.manners.likes_full_at_us, self._now_us())
        if full_at_us < 0:
            return self._too_many_likes
        session.manners.likes_full_at_us = full_at_us
        session.room.counts.likes += message.count
        return {"count": message.count}

    def _attend(self, viewer: Viewer, session: Session, message: Attention) -> Answer:
        full_at_us = self._commands.take(session.manners.commands_full_at_us, self._now_us())
        if full_at_us < 0:
            return self._too_many_commands
        session.manners.commands_full_at_us = full_at_us
        session.room.attend(viewer, message.level == "full")
        return {"level": message.level}

    def _count_misuse(self, viewer: Viewer, session: Session) -> None:
        full_at_us = self._misuse.take(session.manners.misuse_full_at_us, self._now_us())
        if full_at_us < 0:
            self._audience.close_viewer(viewer, CloseCode.FLOODING, "flooding")
        else:
            session.manners.misuse_full_at_us = full_at_us


def _slower(what: str, per_s: float) -> Refusal:
    """Within one interval the bucket has a token again."""
    return Refusal(ErrorCode.RATE_LIMITED, f"too many {what}", math.ceil(1_000 / per_s))
