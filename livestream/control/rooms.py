"""Calls that read: who one is, the rooms, their ledgers, what viewers see, the orders.

Owns reading what the engine has written, brought up to now. Refuses to decide anything.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
import orjson
from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.attendance import Moment
from livestream.control import orders
from livestream.control.context import Answer, Call, Control, gateway_base
from livestream.control.problems import Problem, not_found
from livestream.control.views import MomentView, RoomLine, RoomList, StorefrontView, WhoAmI
from livestream.redis_client import StreamEntries
from livestream.storefront import Storefront


async def whoami(control: Control, call: Call) -> Answer | Problem:
    """Who the token says one is."""
    assert call.token is not None, "the route is not public"
    body: WhoAmI = {
        "name": call.token.name,
        "role": call.token.role,
        "expires_at_ms": call.token.expires_at_ms,
        "walk_in": control.settings.walk_in,
        "gateway_url": gateway_base(control.settings, call.request),
    }
    return Answer(body)


async def list_rooms(control: Control, call: Call) -> Answer | Problem:
    """All rooms, each with the main numbers."""
    names = await room_names(control.redis)
    ledgers = await read_ledgers(control.redis, names)
    body: RoomList = {
        "rooms": [_room_line(name, ledger) for name, ledger in zip(names, ledgers, strict=True)]
    }
    return Answer(body)


def _room_line(name: str, ledger: dict[str, Any] | None) -> RoomLine:
    if ledger is None:
        return {
            "room": name,
            "title": "",
            "sandbox": False,
            "status": "created",
            "seq": 0,
            "owner": None,
            "resting": False,
            "at_ms": 0,
            "viewers": 0,
            "totals": [],
        }
    return {
        "room": name,
        "title": ledger["title"],
        "sandbox": ledger.get("sandbox", False),
        "status": ledger["status"],
        "seq": ledger["seq"],
        "owner": ledger["owner"] or None,
        "resting": ledger.get("resting", False),
        "at_ms": ledger["at_ms"],
        "viewers": ledger["audience"]["viewers"],
        "totals": ledger["totals"],
    }


async def show_room(control: Control, call: Call) -> Answer | Problem:
    """A room: what viewers see now, and the desk's numbers."""
    storefront = await read_storefront(control.redis, call.room)
    ledger = await control.redis.get(keys.ledger(call.room))
    return Answer(
        {
            "room": call.room,
            "ledger": None if ledger is None else orjson.Fragment(ledger),
            "storefront": None if storefront is None else storefront_view(storefront),
        }
    )


async def show_ledger(control: Control, call: Call) -> Answer | Problem:
    """Money, stock, orders and audience of a room, told by its engine a few times a second."""
    ledger = await control.redis.get(keys.ledger(call.room))
    if ledger is None:
        return not_found(f"no engine has told the numbers of {call.room} yet")
    return Answer(orjson.Fragment(ledger))


async def list_orders(control: Control, call: Call) -> Answer | Problem:
    """Orders of a room, newest first, a page at a time."""
    return Answer(orders.list_orders(await control.books.of(call.room), call.query))


async def list_slots(control: Control, call: Call) -> Answer | Problem:
    """All delivery slots of a room, with what is booked in each."""
    return Answer(orders.list_slots((await control.books.of(call.room)).state))


async def list_coupons(control: Control, call: Call) -> Answer | Problem:
    """Coupons of a room, with how many are held and redeemed. No viewer is told of them."""
    return Answer(orders.list_coupons(await control.books.of(call.room)))


async def show_rules(control: Control, call: Call) -> Answer | Problem:
    """The rules of a room, with what viewers are not told: what a refund does to a perk."""
    rules = (await control.books.of(call.room)).state.books.rules
    return Answer({"rules": msgspec.to_builtins(rules)})


async def show_order(control: Control, call: Call) -> Answer | Problem:
    """One order with its payments and perks."""
    books = (await control.books.of(call.room)).state.books
    order = books.orders.get(call.path["order_id"])
    if order is None:
        return not_found(f"no order {call.path['order_id']}")
    return Answer(orders.order_view(books, order))


# -- what the engine has written -----------------------------------------------------------------


async def room_names(redis: aioredis.Redis) -> list[str]:
    """All rooms, by name; at most desk.ROOMS_MAX."""
    members = cast(set[bytes], await redis.smembers(keys.ROOMS))
    return sorted(member.decode() for member in members)


async def awake_names(redis: aioredis.Redis) -> list[str]:
    """Rooms that need an owner, by name: all but those at rest."""
    members = cast(set[bytes], await redis.sdiff([keys.ROOMS, keys.RESTING]))
    return sorted(member.decode() for member in members)


async def read_ledgers(redis: aioredis.Redis, names: list[str]) -> list[dict[str, Any] | None]:
    """The latest ledger of each room, None where there is none yet."""
    async with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.get(keys.ledger(name))
        kept = await pipe.execute() if names else []
    return [None if ledger is None else orjson.loads(ledger) for ledger in kept]


async def read_inbox_lengths(redis: aioredis.Redis, names: list[str]) -> dict[str, int]:
    """How many entries wait in each room's inbox."""
    async with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.xlen(keys.inbox(name))
        lengths = await pipe.execute() if names else []
    return dict(zip(names, lengths, strict=True))


async def read_storefront(redis: aioredis.Redis, room: str) -> Storefront | None:
    """The public view as of now: the kept one and the air that came after it, at most some 200
    entries. None before an engine wrote one.
    """
    kept = await redis.get(keys.storefront(room))
    if kept is None:
        return None
    view = msgspec.json.decode(kept, type=Storefront)
    later = cast(StreamEntries, await redis.xrange(keys.air(room), min=f"({view.seq}-0"))
    for _, fields in later:
        for _, _, frame in wire.decode_air(fields[b"f"]):
            view.apply(wire.decode_frame(frame))
    return view


def moment_view(moment: Moment) -> MomentView:
    """A moment of the audience, for the desk's charts."""
    return {
        "at_ms": moment.at_ms,
        "viewers": moment.viewers,
        "joined": moment.joined,
        "likes": moment.likes,
        "chat": moment.chat_shown + moment.chat_skipped,
        "unique": moment.unique,
        "buyers": moment.buyers,
        "orders_paid": moment.orders_paid,
        "net_minor": moment.net_minor,
    }


def storefront_view(view: Storefront) -> StorefrontView:
    """The public view as the API tells it."""
    return {
        "title": view.title,
        "status": view.status,
        "seq": view.seq,
        "epoch": view.epoch,
        "cards": list(view.cards.values()),
        "pinned": view.pinned,
        "drops": list(view.drops.values()),
        "slow_mode_ms": view.slow_mode_ms,
        "pinned_message": view.pinned_message,
        "muted": list(view.muted),
        "banned": list(view.banned),
        "rules": view.rules,
        "invited": len(view.invited),
        "stream": view.stream,
    }
