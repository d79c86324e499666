"""A lottery and a presale, over real sockets."""

from __future__ import annotations

import asyncio

from cart.lottery import LotteryTerms, commitment_to, in_order_of_the_draw
from cart.presale import PresaleTerms
from livestream import clock, commands
from tests.livestream.gateway.stage import Stage, terms

SEED = "5eed" * 16


async def test_who_is_drawn_is_offered_a_unit_and_buys_it(stage: Stage) -> None:
    lottery = LotteryTerms(0, clock.now_ms() + 1_500, commitment_to(SEED))
    await stage.command(commands.DropSchedule(terms(supply=1, lottery=lottery), SEED))
    people = {name: await stage.join(name) for name in ("anna", "bob", "carl")}
    for number, person in enumerate(people.values(), 1):
        entry = await person.result("lottery.enter", sku="santos")
        assert entry["number"] == number
        assert await person.result("lottery.enter", sku="santos") == entry
    dora = await stage.join("dora")
    assert (await dora.error("cart.add", sku="santos"))["code"] == "not_open"
    (drop,) = dora.welcome["snapshot"]["drops"]
    assert drop["lottery"]["seed"] is None
    assert drop["lottery"]["commitment"] == commitment_to(SEED)
    assert SEED not in str([person.frames for person in (*people.values(), dora)])

    drawn = await dora.frame("lottery.drawn")
    assert (drawn["seed"], drawn["entered"]) == (SEED, 3)
    line = await dora.frame("stock.changed", waiting=2)
    assert (line["available"], line["held"], line["next"]) == (0, 1, 2)
    assert (await dora.error("line.join", sku="santos"))["code"] == "closed"
    winner = people[in_order_of_the_draw(SEED, people)[0]]
    assert (await winner.frame("hold.offered"))["quantity"] == 1
    order = await winner.result("checkout", checkout_id="c1")
    await winner.result("order.pay", order_id=order["order_id"], payment_token="tok_approve")
    await winner.frame("order.paid")
    await dora.frame("drop.sold_out")


async def test_a_presale_takes_a_deposit_then_the_balance_and_leaves_a_rest(stage: Stage) -> None:
    now_ms = clock.now_ms()
    presale = PresaleTerms(500_000, now_ms + 1_500, now_ms + 1_500, now_ms + 3_500)
    await stage.open_drop(supply=3, presale=presale)
    anna, bob, carl = [await stage.join(name) for name in ("anna", "bob", "carl")]
    for person in (anna, bob, carl):
        await person.result("cart.add", sku="santos")
        order = await person.result("checkout", checkout_id="c1")
        assert order["presale"]["deposit_minor"] == 500_000
        await person.result("order.pay", order_id=order["order_id"], payment_token="tok_approve")
        deposited = await person.frame("deposit.paid")
        assert deposited["balance_minor"] == order["total_minor"] - 500_000
    last = (await carl.result("cart.show"))["orders"][0]["order_id"]
    await stage.command(commands.OrderRefund(last))
    assert (await carl.frame("order.cancelled"))["amount_minor"] == 500_000
    order_id = (await anna.result("cart.show"))["orders"][0]["order_id"]
    early = await anna.error("order.pay", order_id=order_id, payment_token="tok_approve")
    assert early["code"] == "not_open"
    await asyncio.sleep((presale.balance_from_ms - clock.now_ms()) / 1_000 + 0.05)
    await anna.result("order.pay", order_id=order_id, payment_token="tok_approve")
    assert (await anna.frame("order.paid"))["total_minor"] == 2_880_000
    defaulted = await bob.frame("order.defaulted")
    assert (defaulted["amount_minor"], defaulted["forfeited"]) == (500_000, True)

    assert (await carl.error("cart.add", sku="santos"))["code"] == "closed"
    await stage.command(commands.DropOpenRest("drop"))
    assert (await carl.frame("drop.opened", rest=True))["drop_id"] == "drop"
    await carl.result("cart.add", sku="santos")
    assert "presale" not in await carl.result("checkout", checkout_id="c2")
