"""An engine is killed while people are in the middle of everything that takes time: a deposit is
paid, somebody waits in line, an order holds a coupon and a delivery slot, a lottery is entered,
channels have shelves of their own. The next owner goes on with all of it.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from cart.bounds import TimeMs
from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.lottery import LotteryTerms, commitment_to
from cart.perk import PerkTerms
from cart.presale import PresaleTerms
from cart.slot import SlotTerms
from livestream.audit import audit_room, evidence_beside
from livestream.clock import now_ms
from livestream.commands import CouponPut, DropSchedule, SlotPut
from tests.integration.house import House
from tests.integration.line import Frame, Line
from tests.integration.world import AN_HOUR_MS, Desk, World

PRICE_MINOR = 10_000
#: Until the windows turn: long enough to get into all of it on a busy machine.
TURN_MS = 8_000
#: And so long for what follows from it.
HEARD_S = 30.0
SEED = "5eed" * 16


async def done(line: Line, type_: str, **fields: Any) -> Frame:
    reply = await line.ask(type_, **fields)
    assert reply["ok"], reply
    result: Frame = reply["result"]
    return result


async def refused(line: Line, type_: str, **fields: Any) -> str:
    reply = await line.ask(type_, **fields)
    assert not reply["ok"], reply
    return str(reply["error"]["code"])


async def told(line: Line, type_: str, **fields: Any) -> Frame:
    """The first frame of this type with these fields, as soon as it has come."""

    def found() -> list[Frame]:
        heard = [*line.private, *line.story]
        return [f for f in heard if f["type"] == type_ and fields.items() <= f.items()]

    assert await line.hears(lambda: bool(found()), HEARD_S), (type_, line.private)
    return found()[0]


async def order_of(line: Line, sku: str, **how: Any) -> str:
    await done(line, "cart.add", sku=sku)
    placed = await done(line, "checkout", checkout_id=f"{line.viewer}-{sku}", **how)
    return str(placed["order_id"])


async def declare(desk: Desk, turn_ms: TimeMs) -> None:
    """What is in the shops; windows turn at `turn_ms`."""
    bellboy = PerkTerms("bellboy", "Bellboy delivery", 5, slots=True)
    await desk.opens_drop("ring", 5, PRICE_MINOR, perks=[bellboy])
    await desk.opens_drop("bag", 1, PRICE_MINOR)
    await desk.opens_drop("scarf", 1, PRICE_MINOR, allocations={"tmall": 1}, merge_at_ms=turn_ms)
    presale = PresaleTerms(1_000, turn_ms, turn_ms, turn_ms + AN_HOUR_MS)
    await desk.opens_drop("watch", 1, PRICE_MINOR, presale=presale)
    drawn = LotteryTerms(0, turn_ms, commitment_to(SEED))
    terms = DropTerms("drop-clock", "clock", "clock", 1, PRICE_MINOR, "CNY", lottery=drawn)
    await desk.asks(DropSchedule(terms, SEED))
    await desk.asks(CouponPut(CouponTerms("ONE", 1, percent_bp=1_000)))
    begins_ms = turn_ms + AN_HOUR_MS
    slot = SlotTerms("at-ten", "bellboy", "Shanghai", begins_ms, begins_ms + AN_HOUR_MS, 1)
    await desk.asks(SlotPut(slot))


async def test_the_next_owner_goes_on_with_all_that_takes_time(house: House, world: World) -> None:
    house.start_engine()
    house.start_standby()
    house.start_gateway()
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(world.desk())
        ann, ben, cat, dan, eve = [
            await stack.enter_async_context(world.line(name))
            for name in ("ann", "ben", "cat", "dan", "eve")
        ]
        fay = await stack.enter_async_context(world.line("fay", channel="wechat"))
        await declare(desk, now_ms() + TURN_MS)

        watch = await order_of(ann, "watch")
        await done(ann, "order.pay", order_id=watch, payment_token="tok_approve")
        await told(ann, "deposit.paid", order_id=watch)
        for line in (dan, eve):
            await done(line, "lottery.enter", sku="clock")
        assert await refused(fay, "cart.add", sku="scarf") == "all_held"
        ring = await order_of(cat, "ring", coupon="ONE", slot_id="at-ten")
        await done(ann, "cart.add", sku="bag")
        place = await done(ben, "line.join", sku="bag")
        assert (place["ahead"], place["held"]) == (0, 1)

        owner = house.owner_of(world.room)
        assert owner is not None
        house.kill_9(owner)

        assert [p["number"] for p in (await done(ben, "cart.show"))["waiting"]] == [1]
        assert await refused(dan, "cart.add", sku="bag") == "all_held"
        await done(dan, "cart.add", sku="ring")
        assert await refused(dan, "checkout", checkout_id="d", coupon="ONE") == "coupon_rejected"
        assert await refused(dan, "checkout", checkout_id="d", slot_id="at-ten") == "slot_full"
        await done(dan, "cart.remove", sku="ring")

        await done(ann, "cart.remove", sku="bag")
        await told(ben, "hold.offered", sku="bag")
        await done(cat, "order.pay", order_id=ring, payment_token="tok_approve")
        paid = await told(cat, "order.paid", order_id=ring)
        assert paid["total_minor"] == PRICE_MINOR * 9 // 10
        await told(cat, "slot.taken", order_id=ring, slot_id="at-ten")

        await told(fay, "allocations.merged", drop_id="drop-scarf")
        await done(fay, "cart.add", sku="scarf")
        assert (await told(dan, "lottery.drawn", drop_id="drop-clock"))["seed"] == SEED
        offered = [
            asyncio.create_task(told(line, "hold.offered", sku="clock")) for line in (dan, eve)
        ]
        won, lost = await asyncio.wait(offered, return_when=asyncio.FIRST_COMPLETED)
        assert [offer.result()["quantity"] for offer in won] == [1], "one unit, to one of the two"
        for waiting in lost:
            waiting.cancel()
        await done(ann, "order.pay", order_id=watch, payment_token="tok_approve")
        await told(ann, "order.paid", order_id=watch)

    evidence = await evidence_beside(world.redis, world.room)
    verdict = await audit_room(world.redis, world.room, evidence)
    assert verdict.clean, verdict.to_text()
