"""Wiping a sandbox room.

Owns who may be wiped, which the room's log says and nothing else. Refuses to know how
(`livestream.wiping`).
"""

from __future__ import annotations

import asyncio
from typing import Final

from cart.outcome import ErrorCode
from livestream.clock import now_ms
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import STATUS_OF, Problem
from livestream.control.views import RoomGone
from livestream.journal import read_creation
from livestream.wiping import Wiping

#: An engine hears of it at once; one that was killed leaves its lease to run out in 2 s. 100 looks
#: take 5 s.
LOOK_EVERY_S: Final = 0.05
LOOKS_MAX: Final = 100


async def wipe_room(control: Control, call: Call) -> Answer | Problem:
    """Wipe a sandbox room: nothing of it is left, and whoever is in it is shown out (4004). Any
    other room is a `conflict`: what was sold in it is kept.
    """
    room = call.room
    created = await read_creation(control.redis, room)
    if created is None or not created.sandbox:
        kept = ErrorCode.CONFLICT
        return Problem(STATUS_OF[kept], f"{room} is no sandbox, and is kept", kept)
    wiping = Wiping(control.redis)
    await wiping.begin(room, now_ms())
    control.books.forget(room)
    control.reports.forget(room)
    control.replays.forget(room)
    for _ in range(LOOKS_MAX):
        if await wiping.is_let_go(room):
            break
        await asyncio.sleep(LOOK_EVERY_S)
    await wiping.sweep(room)
    body: RoomGone = {"room": room}
    return Answer(body)
