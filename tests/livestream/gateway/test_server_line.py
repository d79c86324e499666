"""Waiting in line for the last unit, over real sockets."""

from __future__ import annotations

from livestream import commands
from tests.livestream.gateway.stage import Stage, shop

#: The shortest that a hold may last.
HOLD_TTL_MS = 1_000


async def test_a_hold_that_runs_out_is_offered_to_who_waits_and_bought(stage: Stage) -> None:
    await stage.open_drop(supply=2, hold_ttl_ms=HOLD_TTL_MS)
    anna, bob, carl, dora = [await stage.join(name) for name in ("anna", "bob", "carl", "dora")]
    await shop(anna)
    await bob.result("cart.add", sku="santos")

    assert (await carl.error("cart.add", sku="santos"))["code"] == "all_held"
    place = await carl.result("line.join", sku="santos", id="mine")
    assert (place["number"], place["ahead"], place["held"]) == (1, 0, 1)
    assert await carl.result("line.join", sku="santos", id="mine") == place
    assert (await dora.result("line.join", sku="santos"))["number"] == 2
    line = await dora.frame("stock.changed", waiting=2)
    assert (line["available"], line["held"], line["next"]) == (0, 1, 1)

    offered = await carl.frame("hold.offered")
    assert (offered["sku"], offered["quantity"], offered["price_minor"]) == ("santos", 1, 2_880_000)
    assert (await bob.frame("hold.expired"))["sku"] == "santos"
    assert (await dora.frame("stock.changed", waiting=1))["next"] == 2
    order = await carl.result("checkout", checkout_id="c1")
    await carl.result("order.pay", order_id=order["order_id"], payment_token="tok_approve")
    assert (await carl.frame("order.paid"))["order_id"] == order["order_id"]

    await dora.frame("drop.sold_out")
    assert (await dora.frame("stock.changed", sold=2))["waiting"] == 0
    assert (await dora.error("line.join", sku="santos"))["code"] == "sold_out"
    assert not [frame for frame in dora.frames if frame["type"] == "hold.offered"]


async def test_who_leaves_waits_no_more_and_the_next_is_served(stage: Stage) -> None:
    await stage.open_drop(supply=1)
    anna, bob, carl = [await stage.join(name) for name in ("anna", "bob", "carl")]
    await anna.result("cart.add", sku="santos")
    await bob.result("line.join", sku="santos")
    await carl.result("line.join", sku="santos")
    (waiting,) = (await bob.result("cart.show"))["waiting"]
    assert (waiting["number"], waiting["ahead"]) == (1, 0)
    assert await bob.result("line.leave", sku="santos") == {"drop_id": "drop", "sku": "santos"}
    await anna.result("cart.remove", sku="santos")
    await carl.frame("hold.offered")
    assert (await bob.result("cart.show"))["waiting"] == []


async def test_who_joins_late_sees_the_line_and_that_all_is_held(stage: Stage) -> None:
    await stage.open_drop(supply=1)
    anna, bob = await stage.join("anna"), await stage.join("bob")
    await anna.result("cart.add", sku="santos")
    await bob.result("line.join", sku="santos")
    await bob.frame("stock.changed", waiting=1)
    (drop,) = (await stage.join("carl")).welcome["snapshot"]["drops"]
    assert (drop["status"], drop["waiting"], drop["next"]) == ("all_held", 1, 1)


async def test_units_are_offered_before_anybody_else_can_take_them(stage: Stage) -> None:
    await stage.open_drop(supply=1)
    anna, bob, carl = [await stage.join(name) for name in ("anna", "bob", "carl")]
    await anna.result("cart.add", sku="santos")
    await bob.result("line.join", sku="santos")
    await stage.command(commands.DropRestock("drop", 1))
    await bob.frame("hold.offered")
    assert (await carl.error("cart.add", sku="santos"))["code"] == "all_held"
