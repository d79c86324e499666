"""Everything may be said twice, on any line, at any time: it happens once and is answered alike."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cart.events import (
    HoldPlaced,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    PaymentReturned,
    PaymentStarted,
    RefundSettled,
)
from cart.order import OrderStatus, PaymentStatus
from livestream.commands import OrderRefund, PaymentApproved, PaymentDeclined
from tests.integration import books
from tests.integration.books import Log
from tests.integration.line import Frame, Line
from tests.integration.world import World
from tests.processes import eventually

PRICE_MINOR = 2_880_000
SOON_S = 10.0


async def done(line: Line, type_: str, **fields: Any) -> Frame:
    """The result of a command that must succeed."""
    reply = await line.ask(type_, **fields)
    assert reply["ok"], reply
    result: Frame = reply["result"]
    return result


async def refused(line: Line, type_: str, **fields: Any) -> str:
    """The error code of a command that must not."""
    reply = await line.ask(type_, **fields)
    assert not reply["ok"], reply
    code: str = reply["error"]["code"]
    return code


async def ordered(line: Line, checkout_id: str = "c1", quantity: int = 1) -> str:
    """The id of a fresh order."""
    await done(line, "cart.add", sku="bag", quantity=quantity)
    order_id: str = (await done(line, "checkout", checkout_id=checkout_id))["order_id"]
    return order_id


async def told(line: Line, type_: str, order_id: str) -> Frame:
    """The private frame of this type about this order, as soon as it is there."""

    def mine() -> list[Frame]:
        return [f for f in line.private if (f["type"], f.get("order_id")) == (type_, order_id)]

    assert await line.hears(lambda: bool(mine()), SOON_S), f"{type_} was not told"
    return mine()[0]


async def read(evening: World) -> Log:
    return await Log.read(evening.redis, evening.room)


# -- the same command --------------------------------------------------------------------------


async def test_a_repeated_add_is_one_hold_and_gets_the_first_answer(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 5, PRICE_MINOR, limit_per_viewer=5)
        first = await done(ann, "cart.add", id="a1", sku="bag", quantity=2)
        assert await done(ann, "cart.add", id="a1", sku="bag", quantity=2) == first
        assert await refused(ann, "cart.add", id="a1", sku="bag", quantity=3) == "conflict"
        assert len((await read(evening)).of_kind(HoldPlaced)) == 1


async def test_a_repeated_remove_puts_units_back_once(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 5, PRICE_MINOR, limit_per_viewer=5)
        await done(ann, "cart.add", sku="bag", quantity=3)
        for _ in range(2):
            assert (await done(ann, "cart.remove", id="r1", sku="bag", quantity=1))["removed"] == 1
        held = (await done(ann, "cart.show"))["holds"]
        assert [hold["quantity"] for hold in held] == [2]


async def test_a_repeated_checkout_is_one_order_and_other_content_is_a_conflict(
    evening: World,
) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 5, PRICE_MINOR)
        await done(ann, "cart.add", sku="bag")
        engraved = {"checkout_id": "c1", "personalisation": {"bag": {"engraving": "AB"}}}
        first = await done(ann, "checkout", **engraved)
        assert await done(ann, "checkout", **engraved) == first
        engraved["personalisation"] = {"bag": {"engraving": "XY"}}
        assert await refused(ann, "checkout", **engraved) == "conflict"
        assert len((await read(evening)).of_kind(OrderPlaced)) == 1


async def test_a_paid_order_answers_its_checkout_again_as_paid(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 5, PRICE_MINOR)
        order_id = await ordered(ann)
        await done(ann, "order.pay", order_id=order_id, payment_token="tok_approve")
        await told(ann, "order.paid", order_id)
        again = await done(ann, "checkout", checkout_id="c1")
        assert (again["order_id"], again["status"]) == (order_id, "paid")


async def test_one_checkout_from_two_lines_at_once_is_one_order(evening: World) -> None:
    async with (
        evening.desk() as desk,
        evening.line("ann") as phone,
        evening.line("ann") as laptop,
    ):
        await desk.opens_drop("bag", 5, PRICE_MINOR)
        await done(phone, "cart.add", sku="bag")
        answers = await asyncio.gather(
            *(done(line, "checkout", checkout_id="c1") for line in (phone, laptop) * 5)
        )
        assert len({answer["order_id"] for answer in answers}) == 1
        assert len((await read(evening)).of_kind(OrderPlaced)) == 1


async def test_who_loses_the_line_with_every_command_still_buys_once(evening: World) -> None:
    """The reply to the first saying is never heard: the connection breaks right after it."""
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 5, PRICE_MINOR)

        async def done_on_a_bad_line(type_: str, id_: str, **fields: Any) -> Frame:
            first = asyncio.create_task(done(ann, type_, id=id_, **fields))
            await asyncio.sleep(0.002)
            ann.hang_up()
            return await first

        await done_on_a_bad_line("cart.add", "a1", sku="bag")
        order = await done_on_a_bad_line("checkout", "k1", checkout_id="c1")
        pay = {"order_id": order["order_id"], "payment_token": "tok_approve"}
        await done_on_a_bad_line("order.pay", "p1", **pay)

        async def is_paid() -> bool:
            return bool((await done(ann, "cart.show"))["orders"][0]["status"] == "paid")

        assert await eventually(SOON_S, is_paid)
        log = await read(evening)
        assert len(log.of_kind(HoldPlaced)) == len(log.of_kind(OrderPaid)) == 1
        assert books.gross(log) == {"CNY": PRICE_MINOR}
        assert ann.connections > 1, "the line did break"
        books.assert_saw_everything(log, ann)


# -- payments ----------------------------------------------------------------------------------


async def test_paying_twice_charges_once(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 5, PRICE_MINOR)
        order_id = await ordered(ann)
        for token in ("tok_delay_300", "tok_approve"):
            await done(ann, "order.pay", order_id=order_id, payment_token=token)
        await told(ann, "order.paid", order_id)
        after = await done(ann, "order.pay", order_id=order_id, payment_token="tok_approve")
        assert after["status"] == "paid"
        log = await read(evening)
        assert len(log.of_kind(PaymentStarted)) == 1
        assert books.gross(log) == {"CNY": PRICE_MINOR}


@pytest.mark.parametrize("token", ["tok_twice", "tok_late_decline"])
async def test_what_the_provider_says_after_its_approval_changes_nothing(
    evening: World, token: str
) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 1, PRICE_MINOR)
        order_id = await ordered(ann)
        await done(ann, "order.pay", order_id=order_id, payment_token=token)
        await told(ann, "order.paid", order_id)
        await asyncio.sleep(0.3)
        log = await read(evening)
        assert len(log.of_kind(OrderPaid)) == 1
        assert log.room.state.books.orders[order_id].status is OrderStatus.PAID
        assert [f["type"] for f in ann.private].count("order.paid") == 1
        assert books.gross(log) == {"CNY": PRICE_MINOR}


async def test_a_declined_order_stands_and_another_card_pays_it(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 1, PRICE_MINOR)
        order_id = await ordered(ann)
        await done(ann, "order.pay", order_id=order_id, payment_token="tok_decline")
        assert (await told(ann, "payment.declined", order_id))["reason"]
        await done(ann, "order.pay", order_id=order_id, payment_token="tok_approve")
        await told(ann, "order.paid", order_id)
        assert books.gross(await read(evening)) == {"CNY": PRICE_MINOR}


async def test_a_callback_may_come_any_number_of_times_and_means_what_it_first_meant(
    evening: World,
) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 1, PRICE_MINOR)
        order_id = await ordered(ann)
        await done(ann, "order.pay", order_id=order_id, payment_token="tok_approve")
        await told(ann, "order.paid", order_id)
        approved = PaymentApproved(f"{order_id}-p1", PRICE_MINOR, "CNY")
        declined = PaymentDeclined(f"{order_id}-p1", "overtaken")
        for callback in (approved, declined, approved):
            assert (await desk.asks(callback))["payment"] == "confirmed"
        await desk.asks(OrderRefund(order_id))
        await told(ann, "order.refunded", order_id)
        for callback in (declined, approved):
            assert (await desk.asks(callback))["payment"] in ("refunding", "refunded")
        strange = PaymentApproved("o99-p1", PRICE_MINOR, "CNY")
        assert (await desk.tries(strange))["error"]["code"] == "not_found"
        log = await read(evening)
        assert len(log.of_kind(OrderPaid)) == 1
        takings = log.room.state.books.takings["CNY"]["bag"]["tmall"]
        assert (takings.gross_minor, takings.refunded_minor) == (PRICE_MINOR, PRICE_MINOR)


async def test_money_of_another_amount_goes_back(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 1, PRICE_MINOR)
        order_id = await ordered(ann)
        await done(ann, "order.pay", order_id=order_id, payment_token="tok_delay_60000")
        await desk.asks(PaymentApproved(f"{order_id}-p1", PRICE_MINOR - 1, "CNY"))
        assert (await told(ann, "payment.returned", order_id))["reason"] == "wrong_amount"
        log = await read(evening)
        assert log.room.state.books.orders[order_id].status is OrderStatus.PLACED
        assert books.gross(log) == {}


# -- money that comes too late -----------------------------------------------------------------


async def test_a_late_payment_is_an_order_if_a_unit_is_free(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann:
        await desk.opens_drop("bag", 1, PRICE_MINOR, pay_ttl_ms=1_000)
        order_id = await ordered(ann)
        await done(ann, "order.pay", order_id=order_id, payment_token="tok_late_1500")
        await told(ann, "order.expired", order_id)
        await told(ann, "order.paid", order_id)
        log = await read(evening)
        assert [fact.late for fact in log.of_kind(OrderPaid)] == [True]
        assert not log.of_kind(PaymentReturned)
        assert books.gross(log) == {"CNY": PRICE_MINOR}
        books.assert_sold_exactly(log, "bag", 1)


async def test_a_late_payment_goes_back_if_the_unit_is_gone(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann, evening.line("ben") as ben:
        await desk.opens_drop("bag", 1, PRICE_MINOR, pay_ttl_ms=1_000)
        late = await ordered(ann)
        await done(ann, "order.pay", order_id=late, payment_token="tok_late_2500")
        await told(ann, "order.expired", late)
        prompt = await ordered(ben)
        await done(ben, "order.pay", order_id=prompt, payment_token="tok_approve")
        await told(ben, "order.paid", prompt)
        assert (await told(ann, "payment.returned", late))["reason"] == "too_late"

        async def is_settled() -> bool:
            return bool((await read(evening)).of_kind(RefundSettled))

        assert await eventually(SOON_S, is_settled)
        log = await read(evening)
        state = log.room.state.books
        assert state.orders[late].status is OrderStatus.EXPIRED
        assert state.payments[f"{late}-p1"].status is PaymentStatus.REFUNDED
        assert [fact.order_id for fact in log.of_kind(OrderPaid)] == [prompt]
        assert [fact.order_id for fact in log.of_kind(OrderExpired)] == [late]
        assert books.gross(log) == {"CNY": PRICE_MINOR}
        books.assert_sold_exactly(log, "bag", 1)
