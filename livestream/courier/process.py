"""The courier's process: reads the logs of all rooms, posts what they say, and keeps trying.

Two loops. One reads: every log from its place on, in one call, ten times a second at most; and
looks whether somebody wants dead letters replayed. The other sends what is due: at most
CONCURRENT_PER_ROOM posts of a room at once, never two of one order.

Owns the lease, the two loops and the HTTP client. Refuses to know what a letter says, and when one
is given up.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from contextlib import suppress
from typing import Final, cast

import aiohttp
import structlog
import uvloop
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import __version__, keys, vitals, wire
from livestream.absence import Absence
from livestream.clock import now_ms
from livestream.config import Settings
from livestream.courier.letters import Letter
from livestream.courier.mail import Rewritten, RoomMail
from livestream.courier.outbox import Retry
from livestream.courier.store import PlaceMovedError, Store
from livestream.health import open_door
from livestream.lease import Lease
from livestream.redis_client import StreamEntries, open_redis
from livestream.stopping import stop_event
from livestream.webhooks import Signer
from metrics import catalog

log = structlog.get_logger()

#: Posts of one room under way: with a receiver that takes 50 ms, 640 events a second.
CONCURRENT_PER_ROOM: Final = 32
#: And of all rooms: descriptors and memory, 256 x about 50 KB = 13 MB.
CONCURRENT_MAX: Final = 256
#: A receiver that has not answered by then is tried again.
POST_TIMEOUT_S: Final = 10.0
#: Records of each log that one read returns: of 1,000 rooms that are told from their beginning
#: 20,000 x some 5 KB = 100 MB at most. A read of 1,000 rooms is 40 KB and 5 ms, so it is made ten
#: times a second, and oftener only while a log has more.
RECORDS_PER_READ: Final = 20
READ_EVERY_S: Final = 0.1
READ_WAIT_MS: Final = 500
#: New rooms, wishes for a replay and the numbers are looked at as often.
LOOK_EVERY_S: Final = 1.0
#: Orders of a room without news are forgotten after this long.
FORGET_AFTER_S: Final = 120.0
RETRY_S: Final = 0.5


def run(settings: Settings, *, alone: bool = False) -> None:
    """Carry events until SIGTERM or SIGINT; blocks. `settings.redis_url` and the receiver's address
    and secret must be set. One that runs `alone` tells its health and metrics itself.
    """
    uvloop.run(_serve(settings, alone))


async def _serve(settings: Settings, alone: bool) -> None:
    stopping = stop_event()
    assert settings.redis_url is not None, "the command line fills it in"
    redis = open_redis(settings.redis_url, "courier")
    door = (
        await open_door("courier", settings.engine_host, settings.courier_port) if alone else None
    )
    try:
        await Courier(redis, settings).run(stopping)
    finally:
        if door is not None:
            await door.cleanup()
        await redis.aclose()


class LeaseLostError(Exception):
    """Another courier works now."""


class Courier:
    """One courier; it works while it has the lease."""

    def __init__(
        self, redis: aioredis.Redis, settings: Settings, retry: Retry | None = None
    ) -> None:
        assert settings.merchant_webhook_url is not None, "checked by the settings"
        assert settings.merchant_webhook_secret is not None, "checked by the settings"
        self._redis = redis
        self._url = settings.merchant_webhook_url
        self._signer = Signer(settings.merchant_webhook_secret)
        self._retry = retry if retry is not None else Retry()
        self._store = Store(redis)
        self.name = f"w-{secrets.token_hex(4)}"
        self._lease = Lease(redis, keys.COURIER, self.name, settings.lease_ms)
        self._lease_s = settings.lease_ms / 1_000
        self._mails: dict[str, RoomMail] = {}
        self._news_s: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._sending = 0
        self._rng = random.Random()
        self._absence = Absence("courier.redis")
        self._receiver = Absence("courier.receiver")

    async def run(self, stopping: asyncio.Event) -> None:
        """Work, or stand by, until `stopping` is set. A post under way is then dropped: what it
        carried waits in the outbox.
        """
        log.info("courier.started", courier=self.name)
        telling = asyncio.create_task(vitals.tell("courier"))
        ended = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set():
                work = asyncio.create_task(self._work_with_lease())
                await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
                work.cancel()
                (outcome,) = await asyncio.gather(work, return_exceptions=True)
                self._absence_of(outcome)
                self._mails.clear()
                self._tell()
                if not stopping.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stopping.wait(), min(RETRY_S, self._lease_s / 4))
        finally:
            for task in (telling, ended):
                task.cancel()
            await asyncio.gather(telling, ended, return_exceptions=True)
            with suppress(RedisError, OSError):
                await self._lease.release()

    def _absence_of(self, outcome: BaseException | None) -> None:
        """What ended the work: Redis away, or another courier; anything else is broken code."""
        if outcome is None or isinstance(outcome, asyncio.CancelledError):
            self._absence.over()
            return
        causes = outcome.exceptions if isinstance(outcome, BaseExceptionGroup) else (outcome,)
        for cause in causes:
            if isinstance(cause, RedisError | OSError):
                self._absence.note(cause)
            elif isinstance(cause, PlaceMovedError | Rewritten | LeaseLostError):
                log.warning("courier.begins_anew", courier=self.name, reason=str(cause))
            else:
                raise outcome

    async def _work_with_lease(self) -> None:
        """Return when there is no lease to be had, or it is lost."""
        if not await self._lease.hold():
            return
        self._absence.over()
        self._mails.clear()
        self._sending = 0
        timeout = aiohttp.ClientTimeout(total=POST_TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=CONCURRENT_MAX)
        # Whichever of them fails ends all of them, the posts under way included.
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as http,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._keep_lease())
            tasks.create_task(self._read())
            tasks.create_task(self._send(http, tasks))

    async def _keep_lease(self) -> None:
        while True:
            if not await self._lease.hold():
                raise LeaseLostError("another courier has the lease")
            await asyncio.sleep(self._lease_s / 4)

    # -- reading -------------------------------------------------------------------------------

    async def _read(self) -> None:
        looked_s = 0.0
        while True:
            now_s = time.monotonic()
            if now_s - looked_s >= LOOK_EVERY_S:
                looked_s = now_s
                await self._look(now_s)
            has_more = await self._read_logs(now_s)
            await asyncio.sleep(0 if has_more else READ_EVERY_S)

    async def _look(self, now_s: float) -> None:
        """New rooms, old ones, wishes for a replay, and the numbers."""
        rooms = {room.decode() for room in cast(set[bytes], await self._redis.smembers(keys.ROOMS))}
        for gone in self._mails.keys() - rooms:
            del self._mails[gone]
        for room in sorted(rooms - self._mails.keys()):
            mail = RoomMail(self._redis, self._store, room, self._retry)
            await mail.load()
            self._mails[room] = mail
            self._wake.set()
        buried = [mail for mail in self._mails.values() if mail.outbox.dead_orders]
        if buried:
            wishes = await self._store.wishes([mail.room for mail in buried])
            for mail, order_ids in zip(buried, wishes, strict=True):
                if order_ids:
                    await mail.revive(order_ids)
                    self._wake.set()
        for mail in self._mails.values():
            if now_s - self._news_s.get(mail.room, now_s) > FORGET_AFTER_S:
                mail.forget_orders()
        self._tell()

    async def _read_logs(self, now_s: float) -> bool:
        """Take what the logs have gained, of rooms whose outbox has a place; whether there may be
        more.
        """
        reading = {keys.log(mail.room): mail for mail in self._mails.values() if not mail.is_full}
        if not reading:
            return False
        has_more = False
        answer = cast(
            list[tuple[bytes, StreamEntries]],
            await self._redis.xread(
                {key: f"{mail.place.seq}-0" for key, mail in reading.items()},
                count=RECORDS_PER_READ,
                block=READ_WAIT_MS,
            ),
        )
        for key, entries in answer or ():
            mail = reading[key.decode()]
            self._news_s[mail.room] = now_s
            for entry_id, fields in entries:
                if mail.is_full:
                    break
                record = wire.decode_record(fields[b"r"])
                await mail.take(int(entry_id.split(b"-", 1)[0]), record)
                self._wake.set()
            has_more |= len(entries) == RECORDS_PER_READ and not mail.is_full
        return has_more

    # -- sending -------------------------------------------------------------------------------

    async def _send(self, http: aiohttp.ClientSession, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._wake.clear()
            at_ms = now_ms()
            next_ms = at_ms + 1_000
            for mail in self._mails.values():
                while (
                    mail.sending < CONCURRENT_PER_ROOM
                    and self._sending < CONCURRENT_MAX
                    and (letter := mail.outbox.next(at_ms)) is not None
                ):
                    mail.sending += 1
                    self._sending += 1
                    tasks.create_task(self._carry(http, mail, letter))
                due_ms = mail.outbox.next_due_ms()
                if due_ms is not None and mail.sending < CONCURRENT_PER_ROOM:
                    next_ms = min(next_ms, due_ms)
            wait_s = max(0.005, (next_ms - now_ms()) / 1_000)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _carry(self, http: aiohttp.ClientSession, mail: RoomMail, letter: Letter) -> None:
        try:
            error, wait_ms = await self._post(http, letter)
            if not error:
                mail.outbox.delivered(letter)
                await self._store.delivered(mail.room, letter)
            elif mail.outbox.failed(letter, now_ms(), error, self._rng.random(), wait_ms):
                await self._store.failed(mail.room, letter)
            else:
                await self._bury(mail, letter)
        finally:
            mail.sending -= 1
            self._sending -= 1
            self._wake.set()

    async def _bury(self, mail: RoomMail, letter: Letter) -> None:
        buried = mail.outbox.bury(letter)
        log.warning(
            "courier.gave_up",
            room=mail.room,
            order=letter.order_id,
            event_id=letter.event_id,
            letters=len(buried),
            error=letter.error,
        )
        await self._store.bury(mail.room, buried)

    async def _post(self, http: aiohttp.ClientSession, letter: Letter) -> tuple[str, int]:
        """What went wrong, empty if it arrived, and how long the receiver asked us to wait."""
        body = letter.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"livestream-engine/{__version__}",
            **self._signer.headers(letter.event_id, now_ms(), body),
        }
        try:
            async with http.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                if 200 <= answer.status < 300:
                    catalog.WEBHOOKS_ATTEMPTS.labels("delivered").inc()
                    self._receiver.over()
                    return "", 0
                catalog.WEBHOOKS_ATTEMPTS.labels("refused").inc()
                return f"status {answer.status}", _retry_after_ms(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            catalog.WEBHOOKS_ATTEMPTS.labels("unreachable").inc()
            self._receiver.note(error)
            return str(error) or type(error).__name__, 0

    # -- numbers -------------------------------------------------------------------------------

    def _tell(self) -> None:
        boxes = [mail.outbox for mail in self._mails.values()]
        oldest = min(
            (at_ms for box in boxes if (at_ms := box.oldest_at_ms()) is not None), default=None
        )
        catalog.WEBHOOKS_WAITING.set(sum(box.waiting for box in boxes))
        catalog.WEBHOOKS_DEAD.set(sum(box.dead for box in boxes))
        catalog.WEBHOOKS_OLDEST_SECONDS.set(
            0 if oldest is None else max(0, now_ms() - oldest) / 1_000
        )


def _retry_after_ms(answer: aiohttp.ClientResponse) -> int:
    """The header Retry-After in seconds; a date, which the scheme does not use, counts as none."""
    value = answer.headers.get("Retry-After", "")
    return int(value) * 1_000 if value.isascii() and value.isdigit() and len(value) < 7 else 0
