"""What Redis keeps beside a room's log, collected as evidence: the engine's own snapshot, and the
sandbox provider's own account.

Owns the collecting. Refuses to judge. `livestream verify` reads none of it unless it is asked to
compare: a verdict on the log must not depend on what others wrote elsewhere.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import structs
from redis import asyncio as aioredis

from livestream import keys
from livestream.audit.evidence import Captured, Evidence, Returned
from livestream.payments.statement import Statement, read_statement
from livestream.snapshots import read_snapshot

#: A room decides what waits within milliseconds, unless it has no engine just now.
INBOX_LOOKS: Final = 20
INBOX_LOOK_EVERY_S: Final = 0.05


async def evidence_beside(
    redis: aioredis.Redis, room: str, evidence: Evidence | None = None
) -> Evidence:
    """`evidence` with the snapshot and the account added. Ask before the log is read: both may only
    speak of what the log then has.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    snapshot = await read_snapshot(redis, room)
    account = await _account(redis, room)
    return structs.replace(
        Evidence() if evidence is None else evidence,
        snapshot=snapshot,
        captured=[
            Captured(payment_id, amount.amount_minor, amount.currency)
            for payment_id, amount in account.captured.items()
        ],
        returned=[
            Returned(refund_id, amount.amount_minor, amount.currency)
            for refund_id, amount in account.returned.items()
        ],
    )


async def _account(redis: aioredis.Redis, room: str) -> Statement:
    """What the provider says it moved, if the room has heard all of it; else nothing, for money
    whose news is under way is not lost.
    """
    statement = await read_statement(redis, room)
    for _ in range(INBOX_LOOKS):
        # Looked at after the account: its lines and the answers that wait were written together.
        if not await redis.xlen(keys.inbox(room)):
            return statement
        await asyncio.sleep(INBOX_LOOK_EVERY_S)
    return Statement({}, {})
