"""Commands on their way to the engine, and their answers on the way back.

    offer(room, viewer, command)   take it, or say `busy`
    carry(room)                    a task for each room: what has gathered leaves as one entry
    settle(replies)                answers from the engine
    expire(), forget_all()         answers that will not come

A batch is whatever gathered while the last one was being written: one command when the room is
quiet, without a timer's delay, hundreds in a rush.

`busy` says: ask again with the same id. Nothing may have been done with the command, or something;
a repeat by id finds out and does it at most once.

Owns the numbers that connect an answer with who asked, and their bounds. Refuses to know what a
command means.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple, cast, get_args

import structlog
from msgspec import Raw
from redis.exceptions import RedisError

from cart.fact import tag_of
from cart.outcome import ErrorCode, Refusal
from livestream import wire
from livestream.commands import Envelope
from livestream.gateway.audience import Audience
from livestream.gateway.frames import text_frame
from livestream.gateway.session import Session
from livestream.gateway.viewer import Viewer
from livestream.inbox import Inbox
from livestream.messages import ShoppingMessage

log = structlog.get_logger()

#: Commands without an answer yet, in this process: 20,000 × about 600 bytes = 12 MB. At 100,000
#: decisions a second it is a fifth of a second of the engine's time.
IN_FLIGHT_MAX: Final = 20_000
#: And of one viewer: a person does one thing at a time, an app that restores its state a few.
IN_FLIGHT_PER_VIEWER_MAX: Final = 8
#: 500 × at most some 6 KiB = 3 MB in an entry; at the usual 150 bytes 75 KB.
BATCH_MAX: Final = 500
#: An engine that is killed is replaced within 5 s. What has no answer after twice that gets none.
ANSWER_MS_MAX: Final = 10_000

BUSY_RETRY_MS: Final = 500
SILENT_RETRY_MS: Final = 1_000

#: What a reply has that is no refusal (wire.reply_frame). Within a string of JSON, such as the id
#: that the client chose, its quotes would be escaped.
_DONE: Final = b',"ok":true,'
_KINDS: Final = {kind: tag_of(kind) for kind in get_args(ShoppingMessage)}
#: The one that tries to get a unit.
_ATTEMPT: Final = "cart.add"
#: What became of a command: done, refused by the engine, or the viewer was told to ask again.
Answered = Literal["ok", "refused", "unanswered"]

_FULL = Refusal(ErrorCode.BUSY, "too many commands are waiting", BUSY_RETRY_MS)
_TOO_MANY = Refusal(ErrorCode.BUSY, "wait for your earlier commands to be answered", BUSY_RETRY_MS)
_AWAY = Refusal(ErrorCode.BUSY, "the room cannot be reached just now", SILENT_RETRY_MS)
_SILENT = Refusal(ErrorCode.BUSY, "no answer yet, ask again with the same id", SILENT_RETRY_MS)
_CLOSING = Refusal(ErrorCode.BUSY, "this gateway restarts, connect again", BUSY_RETRY_MS)


class Waiting(NamedTuple):
    """Who waits for an answer, to which of its commands, since when."""

    viewer: Viewer
    command_id: str
    since_ms: int
    kind: str  # the tag of the command


class Outbox:
    """Commands of every room of this gateway. `now_ms` is a clock that never goes back."""

    def __init__(
        self,
        inbox: Inbox,
        audience: Audience,
        now_ms: Callable[[], int],
    ) -> None:
        self._inbox = inbox
        self._audience = audience
        self._now_ms = now_ms
        self._last_conn = 0
        self._waiting: dict[int, Waiting] = {}  # by conn, and so the longest waiting first
        self._gathered: defaultdict[str, list[Envelope]] = defaultdict(list)
        self._wake: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        #: False from `redis_failed` to `redis_found`.
        self.redis_answers = True
        self.redis_lost = asyncio.Event()
        self.closing = False
        #: Answers since somebody last looked, by command, what it was and the ms that it took.
        self.answered: Counter[tuple[str, Answered, int]] = Counter()

    def __len__(self) -> int:
        """Commands without an answer yet."""
        return len(self._waiting)

    def offer(self, room: str, viewer: Viewer, command: ShoppingMessage) -> Refusal | None:
        """Take a command on its way; the viewer gets exactly one reply. Or `busy`, at once."""
        session = cast(Session, viewer.state)
        manners = session.manners
        if not self.redis_answers:
            return _AWAY
        if self.closing:
            return _CLOSING
        if manners.in_flight >= IN_FLIGHT_PER_VIEWER_MAX:
            return _TOO_MANY
        if len(self._waiting) >= IN_FLIGHT_MAX:
            return _FULL
        manners.in_flight += 1
        self._last_conn = conn = self._last_conn + 1
        kind = _KINDS[type(command)]
        self._waiting[conn] = Waiting(viewer, command.id, self._now_ms(), kind)
        _, tier, invited = session.standing
        envelope = Envelope(conn, viewer.id, viewer.channel, command, tier, invited)
        self._gathered[room].append(envelope)
        self._wake[room].set()
        return None

    async def carry(self, room: str) -> None:
        """Put what gathers for `room` into its inbox, for ever."""
        gathered, wake = self._gathered[room], self._wake[room]
        while True:
            await wake.wait()
            wake.clear()
            while gathered:
                batch = gathered[:BATCH_MAX]
                del gathered[:BATCH_MAX]
                try:
                    await self._put(room, batch)
                except (RedisError, OSError):
                    self.redis_failed()
                    self._refuse([e.conn for e in batch + gathered], _AWAY)
                    gathered.clear()

    async def _put(self, room: str, batch: list[Envelope]) -> None:
        await self._inbox.put(room, batch)

    def settle(self, replies: Iterable[tuple[int, Raw]]) -> None:
        """Hand replies to those who wait. Answers to those who have left, or were told to ask
        again, go nowhere.
        """
        now_ms = self._now_ms()
        for conn, frame in replies:
            waiting = self._waiting.pop(conn, None)
            if waiting is None:
                continue
            reply = bytes(frame)
            session = cast(Session, waiting.viewer.state)
            session.manners.in_flight -= 1
            done = _DONE in reply
            if waiting.kind == _ATTEMPT:
                channel = session.room.counts.of_channel(waiting.viewer.channel)
                channel.attempts += 1
                channel.wins += done
            self._audience.send(waiting.viewer, text_frame(reply))
            self.answered[waiting.kind, "ok" if done else "refused", now_ms - waiting.since_ms] += 1

    def expire(self) -> None:
        """Free the slots of commands that have waited for too long."""
        oldest_ms = self._now_ms() - ANSWER_MS_MAX
        late = []
        for conn, waiting in self._waiting.items():
            if waiting.since_ms > oldest_ms:
                break
            late.append(conn)
        if late:
            log.warning("commands.unanswered", commands=len(late))
            self._refuse(late, _SILENT)

    def forget_all(self) -> None:
        """The replies channel was deaf for a while: whoever waits asks again, and learns the answer
        at once instead of waiting out the time."""
        on_their_way = {e.conn for gathered in self._gathered.values() for e in gathered}
        self._refuse([conn for conn in self._waiting if conn not in on_their_way], _SILENT)

    def forget(self, room: str) -> None:
        """The room is gone: what gathered for it goes nowhere."""
        self._refuse([e.conn for e in self._gathered.pop(room, [])], _AWAY)
        self._wake.pop(room, None)

    def redis_found(self) -> None:
        """Redis answers again: commands are taken again."""
        self.redis_answers = True
        self.redis_lost.clear()
        log.info("redis.back")

    def redis_failed(self) -> None:
        """Redis does not answer: until `redis_found` every command is refused at once."""
        if self.redis_answers:
            self.redis_answers = False
            self.redis_lost.set()
            log.warning("redis.away", commands_waiting=len(self._waiting))

    def _refuse(self, conns: list[int], refusal: Refusal) -> None:
        for conn in conns:
            waiting = self._waiting.pop(conn, None)
            if waiting is None:
                continue
            cast(Session, waiting.viewer.state).manners.in_flight -= 1
            took_ms = self._now_ms() - waiting.since_ms
            self.answered[waiting.kind, "unanswered", took_ms] += 1
            frame = wire.encode_reply(waiting.command_id, refusal)
            self._audience.send(waiting.viewer, text_frame(frame))
