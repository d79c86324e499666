"""The one place that opens Redis, and the checks of a Redis we did not start.

Owns time-outs, retries, the pool's bound and the measuring, so that every role meets a failing
Redis in the same way, and tells of it in the same words. Knows no keys and no commands of ours:
those are `keys`, `journal` and `inbox`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, cast, get_args

from redis import asyncio as aioredis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    # Imported where something is measured: `serve` needs this module before it has told
    # prometheus_client where its processes share their numbers.
    from metrics import catalog

CONNECT_TIMEOUT_S = 2.0
# A reply later than this counts as lost. A blocking read must therefore ask Redis for less:
# BLOCK_MS_MAX. Subscriptions may be silent for as long as they like.
REPLY_TIMEOUT_S = 10.0
BLOCK_MS_MAX = 5_000
# 128 per process × 40 processes = 5,120, half of Redis' own default of 10,000 clients.
CONNECTIONS_MAX = 128
# How long a caller waits for a connection of the pool when all are busy.
POOL_WAIT_S = 5.0

OLDEST_VERSION = (6, 2)

#: What XRANGE and XREVRANGE return from this client: (id, fields) pairs of bytes. The library's own
#: types allow for every protocol and decoding there is.
StreamEntries = list[tuple[bytes, dict[bytes, bytes]]]


class _Steady:
    """A connection whose user can be cancelled at any moment, and that fails as a connection.

    The library sends through asyncio.wait_for, which before Python 3.12 forgets a cancellation that
    comes in the instant in which the bytes have just left, or could not leave (CPython issue
    86296): the task goes on, and whoever cancelled it waits for ever. The reply that will come
    belongs to nobody, so the connection is given up with it.

    And a connection that the other side closed a moment ago makes the library, or the event loop
    below it, stumble over what is no longer there (redis-py issue 4287, mended after 8.1): an
    AttributeError or a TypeError of asyncio, a RuntimeError of uvloop. Nobody expects those of
    Redis; they would end a subscription for good.
    """

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        failure: Exception | None = None
        try:
            await super().send_packed_command(command, check_health)  # type: ignore[misc]  # a mixin
        except RedisError as error:
            failure = error
        except (AttributeError, TypeError, RuntimeError) as error:
            failure = RedisConnectionError(f"closed while it was written to: {error}")
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]  # a mixin
            raise asyncio.CancelledError from failure
        if failure is not None:
            raise failure


class _Tcp(_Steady, aioredis.Connection):
    pass


class _Tls(_Steady, aioredis.SSLConnection):
    pass


class _Unix(_Steady, aioredis.UnixDomainSocketConnection):
    pass


_STEADY = {
    aioredis.Connection: _Tcp,
    aioredis.SSLConnection: _Tls,
    aioredis.UnixDomainSocketConnection: _Unix,
}


class RedisUrlError(ValueError):
    """The address cannot be one of a Redis."""


_READ: Final = "read"
_PIPELINE: Final = "pipeline"
#: Commands by what they cost Redis; what is not here is a read. A blocking read takes as long as
#: there is no news, so it is not timed at all.
_OPERATIONS: Final[dict[str, str | None]] = {
    **dict.fromkeys(("EVALSHA", "EVAL", "SCRIPT LOAD"), "script"),
    **dict.fromkeys(("XADD",), "stream"),
    **dict.fromkeys(("SET", "HSET", "SADD", "PFADD", "DEL", "RPUSH"), "write"),
    **dict.fromkeys(("PUBLISH",), "publish"),
    **dict.fromkeys(("XREAD",), None),
}
#: Errors that are answers: a script that is not loaded yet, an append that is not allowed.
_ANSWERS: Final = ("NOSCRIPT", "No matching script", "FENCED", "Watched variable changed")


ErrorKind = Literal["connection", "timeout", "other"]


class _MeasuredRedis(aioredis.Redis):
    """Times every call and counts those that fail: 5 us for a call that takes 50 of CPU anyway, and
    carries a whole batch where it matters.
    """

    def measure_as(self, role: catalog.Role) -> None:
        """Whose calls they are; said once, before the first."""
        from metrics import catalog

        self.measured_as: catalog.Role = role
        operations = {operation for operation in _OPERATIONS.values() if operation is not None}
        self.timers = {
            operation: catalog.REDIS_SECONDS.labels(role, operation)
            for operation in (*sorted(operations), _READ, _PIPELINE)
        }
        # From 0 on: a series that begins with its first rise hides that rise from `rate`.
        for kind in get_args(ErrorKind):
            catalog.REDIS_ERRORS.labels(role, kind)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        began_s = time.perf_counter()
        try:
            answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # it has no types
        except (RedisError, OSError) as error:
            count_failure(self, error)
            raise
        operation = _OPERATIONS.get(args[0], _READ)
        if operation is not None:
            self.timers[operation].observe(time.perf_counter() - began_s)
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        pipe = _MeasuredPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipe.sender = self
        return pipe


class _MeasuredPipeline(Pipeline):
    sender: _MeasuredRedis

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        began_s = time.perf_counter()
        try:
            answers: list[Any] = await super().execute(raise_on_error)
        except (RedisError, OSError) as error:
            count_failure(self.sender, error)
            raise
        self.sender.timers[_PIPELINE].observe(time.perf_counter() - began_s)
        return answers


def count_failure(redis: aioredis.Redis, error: Exception) -> None:
    """Count a failure of Redis, also one that no call saw: a subscription that was lost."""
    if isinstance(redis, _MeasuredRedis) and not str(error).startswith(_ANSWERS):
        from metrics import catalog

        catalog.REDIS_ERRORS.labels(redis.measured_as, error_kind(error)).inc()


def open_redis(url: str, role: catalog.Role | None = None) -> aioredis.Redis:
    """A client for `redis://`, `rediss://` or `unix://` URLs; replies are bytes. With a `role` its
    calls are measured.

    Nothing is sent before the first command, and a command is never repeated by itself: after
    a lost connection nobody but the caller knows whether a repeat is harmless (a read), an
    answer (an append, refused because it had got through) or a second command. The next
    command gets a fresh connection.

    Raises RedisUrlError for a URL of another kind. Commands raise redis.ConnectionError or
    redis.TimeoutError.
    """
    try:
        pool = aioredis.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=POOL_WAIT_S,
            socket_timeout=REPLY_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            # The shapes of replies differ between protocols, and defaults between releases.
            protocol=2,
        )
    except ValueError as error:
        raise RedisUrlError(str(error)) from None
    pool.connection_class = _STEADY[pool.connection_class]
    if role is None:
        return aioredis.Redis.from_pool(pool)
    redis = cast(_MeasuredRedis, _MeasuredRedis.from_pool(pool))
    redis.measure_as(role)
    return redis


def error_kind(error: Exception) -> ErrorKind:
    """What kind of failure it was, in the words of the metric `livestream_redis_errors`."""
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return "timeout"
    if isinstance(error, RedisConnectionError | OSError):
        return "connection"
    return "other"


async def inspect(redis: aioredis.Redis) -> list[str]:
    """What an operator should know about this Redis before trusting it with orders.

    One sentence for each doubt, none when all is well. A Redis that forbids CONFIG (managed
    ones often do) gets a sentence that says what could not be checked.

    Raises redis.RedisError when Redis cannot be reached.
    """
    try:
        server = await redis.info("server")
        memory = await redis.info("memory")
        persistence = await redis.info("persistence")
    except ResponseError as refusal:
        return [f"Redis does not let itself be looked at, so it was not checked ({refusal})."]
    warnings: list[str] = []

    version = str(server["redis_version"])
    if _version(version) < OLDEST_VERSION:
        warnings.append(f"Redis {version} is older than 6.2, the oldest this engine is made for.")

    if int(persistence["aof_enabled"]) != 1:
        warnings.append(
            "Redis keeps no append-only file: orders are lost if it stops. Set appendonly yes."
        )
    else:
        warnings.extend(await _fsync_warnings(redis))

    policy = str(memory["maxmemory_policy"])
    if policy != "noeviction":
        warnings.append(
            f"Redis may evict keys (maxmemory-policy {policy}): a room could lose its log. "
            "Set maxmemory-policy noeviction."
        )
    return warnings


class RedisState(TypedDict):
    """Memory that Redis has taken and may take (None: it does not say), and whether its last write
    to disk succeeded.
    """

    used_bytes: int
    limit_bytes: int | None
    writes_ok: bool


async def look_at(redis: aioredis.Redis) -> RedisState | None:
    """How Redis does; None where it does not let itself be looked at.

    Raises redis.RedisError when Redis cannot be reached.
    """
    try:
        memory = await redis.info("memory")
        persistence = await redis.info("persistence")
    except ResponseError:
        return None
    # Without a bound of its own it may take the machine's memory.
    limit_bytes = int(memory.get("maxmemory", 0)) or int(memory.get("total_system_memory", 0))
    return {
        "used_bytes": int(memory["used_memory"]),
        "limit_bytes": limit_bytes or None,
        "writes_ok": persistence.get("aof_last_write_status", "ok") == "ok",
    }


async def _fsync_warnings(redis: aioredis.Redis) -> list[str]:
    try:
        config = await redis.config_get("appendfsync")
    except ResponseError as refusal:
        return [
            "Redis does not let its configuration be read, so it could not be checked that "
            f"appendfsync is always ({refusal})."
        ]
    policy = config.get("appendfsync")
    if policy == "always":
        return []
    return [
        f"Redis flushes its append-only file late (appendfsync {policy}): a power cut loses "
        "acknowledged orders. Set appendfsync always."
    ]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])
