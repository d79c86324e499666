"""The lease: which engine works on a room, or which courier works at all, so that two do not try at
once.

Owns one key with an expiry. It is an economy, not a safety: what keeps a stale owner from writing
is the fence of the journal (and of the courier's place in it), which no clock can mislead.
"""

from __future__ import annotations

from redis import asyncio as aioredis

_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
"""


class Lease:
    """A claim of `holder` on what `key` stands for, for `lease_ms` at a time."""

    def __init__(self, redis: aioredis.Redis, key: str, holder: str, lease_ms: int) -> None:
        self._key = key
        self._holder = holder
        self._lease_ms = lease_ms
        self._renew = redis.register_script(_RENEW)
        self._release = redis.register_script(_RELEASE)

    async def hold(self) -> bool:
        """Take the lease if it is free, extend it if it is ours; False if another has it.

        Raises:
            redis.exceptions.RedisError: Redis is away.
        """
        return bool(await self._renew(keys=[self._key], args=[self._holder, self._lease_ms]))

    async def release(self) -> None:
        """Give the lease back, so that the next owner need not wait for it to run out."""
        await self._release(keys=[self._key], args=[self._holder])
