"""The desk's websocket: everything a panel draws, then everything that changes.

Owns what is told to panels, in which order, and what happens to one that is slow. Refuses to decide
anything; what a panel says is not listened to.

Announcements are told in the order of the log, each once, from the point where the first frame
stands. Of the ledger, the pulse and the time only the latest counts; chat is left out for a panel
that is behind. Anything that would break the order (Redis away, a panel too slow) closes the
connection: on the next one the first frame is complete again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Final, cast

import orjson
import structlog
from aiohttp import WSMsgType, web
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import keys, wire
from livestream.attendance import MOMENT_EVERY_MS, Moment, read_moments
from livestream.clock import now_ms
from livestream.control import sessions
from livestream.control.api import read_path
from livestream.control.auth import Caller, authorise
from livestream.control.context import CONTROL, DESKS_MAX, Control
from livestream.control.problems import Problem, unavailable
from livestream.control.rooms import moment_view, read_storefront, storefront_view
from livestream.control.routes import PREFIX
from livestream.inbox import subscribe
from livestream.messages import CloseCode
from livestream.redis_client import BLOCK_MS_MAX, StreamEntries

log = structlog.get_logger()

SUBPROTOCOL: Final = "livestream.desk.v1"
PATH: Final = f"{PREFIX}/rooms/{{room}}/desk"

#: Announcements that wait for one panel: 2,000 x about 300 bytes = 600 KB, x DESKS_MAX = 29 MB.
#: A room makes a dozen a second, so this is a panel that took nothing for minutes.
ANNOUNCEMENTS_WAITING_MAX: Final = 2_000
#: Chat frames that wait for one panel, a few seconds of them: 16 x 20 lines x 500 bytes = 160 KB.
CHAT_WAITING_MAX: Final = 16
#: A panel that does not answer a ping for this long is gone.
HEARTBEAT_S: Final = 20.0
#: A browser does not see pings: the time is told this often, so that a panel can tell silence from
#: a dead connection.
TIME_EVERY_S: Final = 4.0
#: Panels say nothing of use; more than this in one message is misuse.
INBOUND_BYTES_MAX: Final = 1_024
AIR_ENTRIES_PER_READ: Final = 100
#: What a panel that opens draws its charts from: the last hour, 720 moments x about 320 bytes = 230
#: KB from Redis, of which one in six goes on, 120 x about 170 bytes = 20 KB.
HISTORY_MS: Final = 3_600_000
HISTORY_POINTS_MAX: Final = 120

# RFC 6455 and the IANA registry: 1013, try again later.
TRY_AGAIN_LATER: Final = 1_013


def register(app: web.Application) -> None:
    """Serve the feed, and close what is open when the server stops."""
    app.router.add_get(PATH, _serve, name="desk_feed")
    app.on_shutdown.append(_close_all)


async def _close_all(app: web.Application) -> None:
    desks = list(app[CONTROL].desks)
    await asyncio.gather(
        *(desk.close(code=CloseCode.RESTARTING, message=b"restarting") for desk in desks)
    )


async def _serve(request: web.Request) -> web.StreamResponse:
    control = request.app[CONTROL]
    caller = await authorise(control, request, "analyst", now_ms())
    if isinstance(caller, Problem):
        return caller.response()
    path = await read_path(control, request)
    if isinstance(path, Problem):
        return path.response()
    if len(control.desks) >= DESKS_MAX:
        return unavailable(f"{DESKS_MAX} panels are open already").response()
    socket = web.WebSocketResponse(
        protocols=(SUBPROTOCOL,),
        heartbeat=HEARTBEAT_S,
        max_msg_size=INBOUND_BYTES_MAX,
        timeout=2.0,
    )
    if not socket.can_prepare(request).ok:
        return Problem(HTTPStatus.UPGRADE_REQUIRED, "this address is a websocket").response()
    control.desks.add(socket)
    try:
        await socket.prepare(request)
        await _feed(control, path["room"], caller, socket)
    finally:
        control.desks.discard(socket)
    return socket


async def _feed(control: Control, room: str, caller: Caller, socket: web.WebSocketResponse) -> None:
    """Keep one panel up to date until it leaves, its token expires, somebody signs out of its
    session or its order would break.
    """
    outbox = Outbox()
    subscribed = asyncio.Event()
    session_id = "" if caller.session is None else caller.session.session_id
    hearing = asyncio.create_task(_hear(control.redis, room, session_id, outbox, subscribed))
    tasks = [hearing]
    try:
        await _first(hearing, subscribed)
        seq = await _open(control.redis, room, outbox)
        tasks += [
            asyncio.create_task(_follow(control.redis, room, seq, outbox)),
            asyncio.create_task(_tell_the_time(outbox)),
            asyncio.create_task(outbox.write(socket)),
            asyncio.create_task(_discard(socket)),
        ]
        left_s = (caller.token.expires_at_ms - now_ms()) / 1_000
        done, _ = await asyncio.wait(tasks, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        code, reason = _ending(done)
    except _Ending as ending:
        code, reason = ending.code, ending.reason
    except (RedisError, OSError):
        code, reason = TRY_AGAIN_LATER, "redis is away"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await socket.close(code=code, message=reason.encode())


def _ending(done: set[asyncio.Task[None]]) -> tuple[int, str]:
    if not done:
        return CloseCode.TICKET_EXPIRED, "the host token has expired"
    for task in done:
        error = task.exception()
        if isinstance(error, _Ending):
            return error.code, error.reason
        if isinstance(error, RedisError):
            return TRY_AGAIN_LATER, "redis is away"
        # A connection that broke while we wrote is no fault of anybody's.
        if error is not None and not isinstance(error, OSError):
            raise error
    return CloseCode.NORMAL, ""


# -- what comes in -------------------------------------------------------------------------------


async def _first(hearing: asyncio.Task[None], subscribed: asyncio.Event) -> None:
    """Wait until everything that is published is heard.

    Raises:
        _SignedOut: before that, somebody signed out of the session.
        _Gone: before that, the room was wiped.
    """
    waiting = asyncio.create_task(subscribed.wait())
    try:
        await asyncio.wait((hearing, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if hearing.done():
        await hearing


async def _hear(
    redis: aioredis.Redis, room: str, session_id: str, outbox: Outbox, subscribed: asyncio.Event
) -> None:
    """Ledger, chat and pulse, as they are published; and whether the session is ended ("": none).

    Raises:
        _SignedOut: it is.
        _Gone: there is no such room any more.
    """
    channels = [keys.ledger(room), keys.chat(room), keys.ROOMS_CHANGED]
    if session_id:
        channels.append(keys.SIGNED_OUT)
    async for heard in subscribe(redis, *channels):
        may_be_gone = heard is None or heard[0] == keys.ROOMS_CHANGED
        if may_be_gone and not await redis.sismember(keys.ROOMS, room):
            raise _Gone
        if heard is None:
            # What was published meanwhile was not heard; the next ledger comes within 2 s.
            if session_id and await sessions.has_ended(redis, session_id):
                raise _SignedOut
            subscribed.set()
        elif heard[0] == keys.SIGNED_OUT:
            if heard[1].decode() == session_id:
                raise _SignedOut
        elif heard[0] == keys.ROOMS_CHANGED:
            continue
        elif heard[0] == keys.ledger(room):
            outbox.put_ledger(heard[1])
        elif heard[1].startswith(b'{"type":"pulse"'):
            outbox.put_pulse(heard[1])
        else:
            outbox.put_chat(heard[1])


async def _open(redis: aioredis.Redis, room: str, outbox: Outbox) -> int:
    """Put the first frame into the outbox; the seq at which it stands."""
    view = await read_storefront(redis, room)
    ledger = await redis.get(keys.ledger(room))
    history = await redis.get(keys.history(room))
    moments = await _read_history(redis, room)
    first = {
        "type": "desk",
        "room": room,
        "server_time_ms": now_ms(),
        "storefront": None if view is None else storefront_view(view),
        "ledger": None if ledger is None else orjson.Fragment(ledger),
        "chat": [] if history is None else orjson.Fragment(history),
        "moments": [moment_view(moment) for moment in moments],
    }
    outbox.open_with(wire.encode(first))
    return 0 if view is None else view.seq


async def _read_history(redis: aioredis.Redis, room: str) -> list[Moment]:
    """The last hour in which anybody was there, oldest first, in even steps up to the newest."""
    entries = cast(
        StreamEntries,
        await redis.xrevrange(keys.attendance(room), count=HISTORY_MS // MOMENT_EVERY_MS),
    )
    step = max(1, -(-len(entries) // HISTORY_POINTS_MAX))
    return read_moments(fields[b"m"] for _, fields in reversed(entries[::step]))


async def _follow(redis: aioredis.Redis, room: str, seq: int, outbox: Outbox) -> None:
    """Announcements after `seq`, in order."""
    key, last_id = keys.air(room), f"{seq}-0"
    while True:
        answer = cast(
            list[tuple[bytes, StreamEntries]],
            await redis.xread({key: last_id}, count=AIR_ENTRIES_PER_READ, block=BLOCK_MS_MAX),
        )
        if not answer:
            continue
        for entry_id, fields in answer[0][1]:
            for _, _, frame in wire.decode_air(fields[b"f"]):
                outbox.put_announcement(bytes(frame))
            last_id = entry_id.decode()


async def _tell_the_time(outbox: Outbox) -> None:
    """The server's clock, a few times a minute."""
    while True:
        await asyncio.sleep(TIME_EVERY_S)
        outbox.put_time(wire.encode({"type": "time", "server_time_ms": now_ms()}))


async def _discard(socket: web.WebSocketResponse) -> None:
    """Read until the panel leaves; pings and closes are answered on the way."""
    async for _ in socket:
        pass


# -- what goes out -------------------------------------------------------------------------------


class _Ending(Exception):  # noqa: N818  # not an error
    """Why a panel's connection ends, as the panel is told."""

    code: CloseCode
    reason: str


class _SignedOut(_Ending):
    """Somebody signed out of this panel's session, in this tab or elsewhere."""

    code, reason = CloseCode.TICKET_EXPIRED, "signed out"


class _Gone(_Ending):
    """The room was wiped."""

    code, reason = CloseCode.ROOM_GONE, "the room was wiped"


class _TooSlow(_Ending):
    """More announcements wait for this panel than are kept for it."""

    code, reason = CloseCode.TOO_SLOW, "too slow"


class Outbox:
    """What waits for one panel. Never more than the bounds above, whatever the panel does."""

    def __init__(self) -> None:
        self._announcements: deque[bytes] = deque()
        self._chat: deque[bytes] = deque(maxlen=CHAT_WAITING_MAX)
        self._ledger: bytes | None = None
        self._pulse: bytes | None = None
        self._time: bytes | None = None
        self._some = asyncio.Event()

    def open_with(self, frame: bytes) -> None:
        """`frame` is complete, so whatever waits is older and is left out."""
        self._chat.clear()
        self._ledger = self._pulse = None
        self._announcements.appendleft(frame)
        self._some.set()

    def put_announcement(self, frame: bytes) -> None:
        """Next in order.

        Raises:
            _TooSlow: too many wait; the connection must end.
        """
        if len(self._announcements) >= ANNOUNCEMENTS_WAITING_MAX:
            raise _TooSlow
        self._announcements.append(frame)
        self._some.set()

    def put_chat(self, frame: bytes) -> None:
        """Chat; the oldest makes room."""
        self._chat.append(frame)
        self._some.set()

    def put_ledger(self, ledger: bytes) -> None:
        """The latest numbers, in the place of those that still wait."""
        self._ledger = b'{"type":"ledger","ledger":' + ledger + b"}"
        self._some.set()

    def put_pulse(self, frame: bytes) -> None:
        """The latest pulse, in the place of one that still waits."""
        self._pulse = frame
        self._some.set()

    def put_time(self, frame: bytes) -> None:
        """The time, in the place of one that still waits."""
        self._time = frame
        self._some.set()

    async def write(self, socket: web.WebSocketResponse) -> None:
        """Send what waits, for ever; announcements first. Waits while the panel's socket is full.

        Raises:
            ConnectionError: the panel is gone.
        """
        while True:
            await self._some.wait()
            frame = self._next()
            if frame is None:
                self._some.clear()
            else:
                await socket.send_frame(frame, WSMsgType.TEXT)

    def _next(self) -> bytes | None:
        if self._announcements:
            return self._announcements.popleft()
        if self._ledger is not None:
            frame, self._ledger = self._ledger, None
            return frame
        if self._chat:
            return self._chat.popleft()
        if self._time is not None:
            frame, self._time = self._time, None
            return frame
        pulse, self._pulse = self._pulse, None
        return pulse
