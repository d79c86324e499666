"""Events to the merchant, as the desk sees them: how many wait, what was given up, a replay.

Owns those calls. Refuses to send: a replay is a wish that the courier grants.
"""

from __future__ import annotations

from typing import TypedDict

from msgspec import Struct

from cart.bounds import OrderId
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import Problem, not_found
from livestream.courier.letters import Letter
from livestream.courier.store import Store


class OutgoingState(TypedDict):
    """How it stands with the events of a room. `configured`: a receiver is set here; `taken_seq` is
    how far the log has been taken.
    """

    room: str
    configured: bool
    taken_seq: int
    waiting: int
    dead: int


class DeadLetter(TypedDict):
    """An event that was given up after so many attempts, or because one before it of the same order
    was (then with none).
    """

    event_id: str
    type: str
    order_id: str
    seq: int
    at_ms: int
    attempts: int
    error: str


class DeadLetters(TypedDict):
    """All of a room, in the order of the log."""

    room: str
    letters: list[DeadLetter]


class ReplayWanted(Struct, frozen=True):
    """Whose dead letters to send again; without `order_id` everybody's."""

    order_id: OrderId | None = None


class ReplayTaken(TypedDict):
    """So many letters of so many orders will be sent again, each order's in their order."""

    room: str
    orders: int
    letters: int


async def show_outgoing(control: Control, call: Call) -> Answer | Problem:
    """How many events to the merchant wait, and how many were given up."""
    store = Store(control.redis)
    waiting, dead = await store.counts(call.room)
    state: OutgoingState = {
        "room": call.room,
        "configured": control.settings.merchant_webhook_url is not None,
        "taken_seq": (await store.place(call.room)).seq,
        "waiting": waiting,
        "dead": dead,
    }
    return Answer(state)


async def list_dead_letters(control: Control, call: Call) -> Answer | Problem:
    """Events to the merchant that were given up: 1,000 at the most, and what is behind them."""
    letters = await Store(control.redis).dead(call.room)
    body: DeadLetters = {"room": call.room, "letters": [_view(letter) for letter in letters]}
    return Answer(body)


async def replay_dead_letters(control: Control, call: Call) -> Answer | Problem:
    """Send events that were given up again, from their first attempt."""
    wanted: ReplayWanted = call.body
    store = Store(control.redis)
    letters = [
        letter
        for letter in await store.dead(call.room)
        if wanted.order_id in (None, letter.order_id)
    ]
    if not letters and wanted.order_id is not None:
        return not_found(f"no dead letters of order {wanted.order_id}")
    order_ids = {letter.order_id for letter in letters}
    if order_ids:
        await store.wish_replay(call.room, order_ids)
    body: ReplayTaken = {"room": call.room, "orders": len(order_ids), "letters": len(letters)}
    return Answer(body, 202)


def _view(letter: Letter) -> DeadLetter:
    return {
        "event_id": letter.event_id,
        "type": letter.kind,
        "order_id": letter.order_id,
        "seq": letter.number,
        "at_ms": letter.at_ms,
        "attempts": letter.attempts,
        "error": letter.error,
    }
