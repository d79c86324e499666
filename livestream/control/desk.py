"""Calls that change a room: one command to its engine, one answer from it.

Owns the way from a call to the engine and back. Refuses to know what a command leads to. The engine
answers a repeated command as it did at first, so every call here may be repeated, save
announcements (said twice) and restocks (added twice): those too with an `Idempotency-Key`
(`control.idempotency`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cart.outcome import ErrorCode
from livestream import keys
from livestream.commands import HostCommand, RoomCreate
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import STATUS_OF, Problem, refused, unavailable
from livestream.wiping import Wiping

#: Rooms on the list: those of today and all that have ended, which stay readable. It is told whole:
#: 1,000 x some 240 bytes = 240 KB for `GET /rooms`, and a scrape reads as many ledgers, 0.15 s of
#: CPU. How many may be awake at once is for the engines to say, 48 each.
ROOMS_MAX = 1_000

Handler = Callable[[Control, Call], Awaitable[Answer | Problem]]


def commanding(build: Callable[[Any], HostCommand], status: int = 200) -> Handler:
    """A handler that makes a command of the call's body and sends it."""

    async def handle(control: Control, call: Call) -> Answer | Problem:
        return await _send(control, call, call.room, build(call.body), status)

    return handle


async def create_room(control: Control, call: Call) -> Answer | Problem:
    """Make a room, and have an engine take it over. 201 when it is new, 200 when it was there."""
    room = call.body.room
    if await Wiping(control.redis).is_under_way(room):
        return unavailable(f"{room} was wiped just now; its name is free within two minutes")
    known = await control.redis.sismember(keys.ROOMS, room)
    if not known and await control.redis.scard(keys.ROOMS) >= ROOMS_MAX:
        full = ErrorCode.LIMIT_REACHED
        reason = f"{ROOMS_MAX} rooms are listed already: take off old ones (docs/operations.md)"
        return Problem(STATUS_OF[full], reason, full)
    added = await control.redis.sadd(keys.ROOMS, room)
    if added:
        await control.redis.publish(keys.ROOMS_CHANGED, room)
    command = RoomCreate(call.body.title, call.body.sandbox)
    return await _send(control, call, room, command, 201 if added else 200)


async def _send(
    control: Control, call: Call, room: str, command: HostCommand, status: int
) -> Answer | Problem:
    """What the room's engine says to `command`.

    Raises:
        EngineSilentError: nobody answered; whether it was done is not known.
        redis.exceptions.RedisError: Redis is away.
    """
    reply = await control.asker.ask(room, call.actor, command, once=call.once)
    if reply["ok"]:
        return Answer(reply["result"], status)
    return refused(reply["error"])
