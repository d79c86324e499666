"""Buying through the gateway: commands, their answers, and what it answers by itself."""

from __future__ import annotations

import asyncio

import pytest

from cart.coupon import CouponTerms
from cart.perk import PerkTerms
from cart.personalisation import OptionTerms
from cart.slot import SlotTerms
from livestream import clock, commands
from livestream.gateway import outbox
from tests.livestream.gateway.stage import Stage, eventually, shop, terms


async def test_a_watch_is_added_checked_out_and_paid(stage: Stage) -> None:
    heart = OptionTerms("engraving", "engraving", 6)
    await stage.open_drop(options=[heart])
    anna = await stage.join("anna")

    hold = await anna.result("cart.add", sku="santos")
    assert (hold["sku"], hold["quantity"], hold["price_minor"]) == ("santos", 1, 2_880_000)
    wishes = {"santos": {"engraving": "小王 ♥"}}
    order = await anna.result("checkout", checkout_id="c1", personalisation=wishes)
    assert order["personalisation"] == wishes
    assert (order["status"], order["total_minor"]) == ("placed", 2_880_000)
    paying = await anna.result("order.pay", order_id=order["order_id"], payment_token="tok_approve")
    assert paying["order_id"] == order["order_id"]
    paid = await anna.frame("order.paid")
    assert (paid["order_id"], paid["total_minor"], paid["currency"]) == ("o1", 2_880_000, "CNY")
    assert (await anna.frame("perk.awarded"))["rank"] == 1
    stock = await anna.frame("stock.changed", sold=1)
    assert (stock["available"], stock["held"]) == (2, 0)


async def test_a_coupon_is_redeemed_by_who_knows_it_and_told_to_nobody(stage: Stage) -> None:
    await stage.open_drop()
    await stage.command(commands.CouponPut(CouponTerms("SECRET99", 1, percent_bp=2_500)))
    anna, bob = await stage.join("anna"), await stage.join("bob")
    for person in (anna, bob):
        await person.result("cart.add", sku="santos")
    order = await anna.result("checkout", checkout_id="c1", coupon="SECRET99")
    assert (order["total_minor"], order["lines"][0]["discount_minor"]) == (2_160_000, 720_000)
    error = await bob.error("checkout", checkout_id="c1", coupon="SECRET99")
    assert (error["code"], error["retryable"]) == ("coupon_rejected", False)
    await anna.result("order.pay", order_id="o1", payment_token="tok_approve")
    assert (await anna.frame("order.paid"))["total_minor"] == 2_160_000
    told = [frame for frame in bob.frames if "SECRET99" in str(frame) and frame["type"] != "reply"]
    assert told == []


async def test_each_channel_sells_from_its_own_shelf_until_they_merge(stage: Stage) -> None:
    merge_at_ms = clock.now_ms() + 1_500
    await stage.open_drop(supply=2, allocations={"tmall": 1, "wechat": 1}, merge_at_ms=merge_at_ms)
    anna, bob = await stage.join("anna"), await stage.join("bob")
    eve = await stage.join("eve", ticket=stage.ticket("eve", channel="wechat"))
    await anna.result("cart.add", sku="santos")
    error = await bob.error("cart.add", sku="santos")
    assert error["code"] == "all_held"
    merged = await eve.frame("allocations.merged")
    assert merged["moved"] == {"wechat": 1}
    await bob.result("cart.add", sku="santos")
    assert (await eve.error("cart.add", sku="santos"))["code"] == "all_held"


async def test_a_delivery_is_booked_with_the_order_and_its_number_told(stage: Stage) -> None:
    bellboy = PerkTerms("bellboy", "Bellboy", 2, slots=True)
    await stage.open_drop(perks=[bellboy], numbered=True)
    ten = SlotTerms("ten", "bellboy", "Shanghai", 4_000_000_000_000, 4_000_003_600_000, 1)
    await stage.command(commands.SlotPut(ten))
    anna, bob = await stage.join("anna"), await stage.join("bob")

    (slot,) = (await anna.result("slots.show", perk_id="bellboy", city="Shanghai"))["slots"]
    assert (slot["slot_id"], slot["free"]) == ("ten", 1)
    await anna.result("cart.add", sku="santos")
    order = await anna.result("checkout", checkout_id="c1", slot_id="ten")
    assert [place["status"] for place in order["slots"]] == ["held"]
    await bob.result("cart.add", sku="santos")
    refused = await bob.error("checkout", checkout_id="c1", slot_id="ten")
    assert (refused["code"], refused["retryable"]) == ("slot_full", False)

    await anna.result("order.pay", order_id="o1", payment_token="tok_approve")
    numbered = await anna.frame("edition.numbered")
    assert (numbered["numbers"], numbered["of"]) == ([1], 3)
    assert (await anna.frame("slot.taken"))["slot_id"] == "ten"
    same = await anna.result("slot.choose", order_id="o1", slot_id="ten")
    assert same["status"] == "taken"
    (shown,) = (await anna.result("cart.show"))["orders"]
    assert [place["slot_id"] for place in shown["slots"]] == ["ten"]
    assert shown["editions"][0]["numbers"] == [1]


async def test_everybody_with_the_same_name_is_told(stage: Stage) -> None:
    await stage.open_drop()
    other = await stage.open_gateway()
    at_home = await stage.join("anna")
    on_the_phone, elsewhere = await stage.join("anna"), await stage.join("anna", other)
    bob = await stage.join("bob")

    await shop(at_home)

    assert (await on_the_phone.frame("order.paid"))["order_id"] == "o1"
    assert (await elsewhere.frame("order.paid"))["order_id"] == "o1"
    await bob.frame("stock.changed", sold=1)
    assert not [frame for frame in bob.frames if frame["type"].startswith("order.")]


async def test_a_repeat_gets_the_first_answer(stage: Stage) -> None:
    await stage.open_drop(limit_per_viewer=5)
    anna = await stage.join("anna")
    first = await anna.result("cart.add", sku="santos", id="mine")
    again = await anna.result("cart.add", sku="santos", id="mine")
    assert again == first
    elsewhere = await stage.join("anna", await stage.open_gateway())
    assert await elsewhere.result("cart.add", sku="santos", id="mine") == first
    assert len((await anna.result("cart.show"))["holds"]) == 1


async def test_the_engine_refuses_what_its_books_do_not_allow(stage: Stage) -> None:
    await stage.open_drop(supply=1)
    anna, bob = await stage.join("anna"), await stage.join("bob")
    await anna.result("cart.add", sku="santos")
    taken = await bob.error("cart.add", sku="santos")
    assert (taken["code"], taken["retryable"]) == ("all_held", True)
    assert taken["retry_after_ms"] > 0
    assert (await anna.error("cart.add", sku="santos"))["code"] == "limit_reached"
    assert (await bob.error("cart.add", sku="unknown"))["code"] == "not_found"
    assert (await bob.error("checkout", checkout_id="c1"))["code"] == "empty_cart"


async def test_a_scheduled_drop_is_opened_by_the_engine_s_clock(stage: Stage) -> None:
    opens_at_ms = clock.now_ms() + 400
    await stage.command(commands.DropSchedule(terms(opens_at_ms=opens_at_ms)))
    anna = await stage.join("anna")
    early = await anna.error("cart.add", sku="santos")
    assert early["code"] == "not_open"
    opened = await anna.frame("drop.opened")
    assert opened["at_ms"] >= opens_at_ms
    await anna.result("cart.add", sku="santos")


async def test_the_gateway_answers_by_itself_when_all_is_sold(stage: Stage) -> None:
    await stage.open_drop(supply=1)
    anna, bob = await stage.join("anna"), await stage.join("bob")
    await shop(anna)
    await bob.frame("drop.sold_out")
    await bob.frame("stock.changed", sold=1)
    await stage.stop_engine()
    sold_out = await bob.error("cart.add", sku="santos")
    assert (sold_out["code"], sold_out["retryable"]) == ("sold_out", False)


async def test_the_gateway_answers_by_itself_when_the_drop_has_closed(stage: Stage) -> None:
    await stage.open_drop()
    bob = await stage.join("bob")
    await stage.command(commands.DropClose("drop"))
    await bob.frame("stock.changed", available=0, held=0)
    await stage.stop_engine()
    assert (await bob.error("cart.add", sku="santos"))["code"] == "closed"


async def test_a_closed_drop_with_something_held_is_for_the_engine_to_answer(
    stage: Stage,
) -> None:
    """Else a repeat of the very command that holds it would be told that it came too late."""
    await stage.open_drop()
    anna = await stage.join("anna")
    hold = await anna.result("cart.add", sku="santos", id="mine")
    await stage.command(commands.DropClose("drop"))
    await anna.frame("drop.closed")
    assert await anna.result("cart.add", sku="santos", id="mine") == hold
    await anna.frame("stock.changed", available=0, held=1)
    assert await anna.result("cart.add", sku="santos", id="mine") == hold


async def test_what_was_restocked_can_be_had_again(stage: Stage) -> None:
    await stage.open_drop(supply=1)
    anna, bob = await stage.join("anna"), await stage.join("bob")
    await shop(anna)
    await bob.frame("drop.sold_out")
    await stage.command(commands.DropRestock("drop", 1))
    await bob.frame("drop.opened")
    await bob.result("cart.add", sku="santos")


async def test_the_next_drop_of_a_sku_counts_and_not_the_one_before(stage: Stage) -> None:
    await stage.open_drop(drop_id="presale")
    await stage.command(commands.DropClose("presale"))
    await stage.open_drop(drop_id="release")
    anna = await stage.join("anna")
    assert (await anna.result("cart.add", sku="santos"))["drop_id"] == "release"


async def test_commands_without_an_answer_are_bounded_for_each_viewer(stage: Stage) -> None:
    await stage.open_drop()
    anna = await stage.join("anna")
    await stage.stop_engine()
    for _ in range(outbox.IN_FLIGHT_PER_VIEWER_MAX):
        await anna.say("cart.show")
    busy = await anna.error("cart.show")
    assert (busy["code"], busy["retryable"]) == ("busy", True)
    assert busy["retry_after_ms"] > 0

    await stage.start_engine()
    for _ in range(outbox.IN_FLIGHT_PER_VIEWER_MAX):
        assert (await anna.frame("reply"))["ok"]
    await anna.result("cart.show")


async def test_commands_without_an_answer_are_bounded_for_the_gateway(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "IN_FLIGHT_MAX", 3)
    anna, bob = await stage.join("anna"), await stage.join("bob")
    await stage.stop_engine()
    for _ in range(3):
        await anna.say("cart.show")
    await eventually(lambda: len(stage.gateways[0].outbox) == 3)
    assert (await bob.error("cart.show"))["code"] == "busy"


async def test_a_command_that_nobody_answers_frees_its_slot(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "ANSWER_MS_MAX", 100)
    await stage.open_drop()
    anna = await stage.join("anna")
    await stage.stop_engine()
    silent = await anna.error("cart.add", sku="santos", id="mine")
    assert (silent["code"], silent["retryable"]) == ("busy", True)
    assert len(stage.gateways[0].outbox) == 0

    monkeypatch.undo()
    await stage.start_engine()
    hold = await anna.result("cart.add", sku="santos", id="mine")
    assert (await anna.result("cart.show"))["holds"] == [hold], "held once, however often asked"
    assert len([f for f in anna.frames if f.get("to") == "mine"]) == 2, "no late reply"


async def test_an_answer_to_somebody_who_has_left_goes_nowhere(stage: Stage) -> None:
    await stage.open_drop()
    anna = await stage.join("anna")
    await stage.stop_engine()
    await anna.say("cart.add", sku="santos", id="mine")
    await eventually(lambda: len(stage.gateways[0].outbox) == 1)
    await anna.line.close()
    await stage.start_engine()
    await eventually(lambda: len(stage.gateways[0].outbox) == 0)
    back = await stage.join("anna")
    assert len((await back.result("cart.show"))["holds"]) == 1


async def test_who_is_too_fast_is_told_to_slow_down(stage: Stage) -> None:
    gateway = await stage.open_gateway(commands_per_s=5, commands_burst=3)
    anna = await stage.join("anna", gateway)
    for _ in range(3):
        await anna.result("cart.show")
    fast = await anna.error("cart.show")
    assert (fast["code"], fast["retryable"], fast["retry_after_ms"]) == ("rate_limited", True, 200)
    await asyncio.sleep(fast["retry_after_ms"] / 1_000)
    await anna.result("cart.show")


async def test_who_does_not_slow_down_is_closed(stage: Stage) -> None:
    gateway = await stage.open_gateway(commands_per_s=1, commands_burst=1)
    anna, bob = await stage.join("anna", gateway), await stage.join("bob", gateway)
    for _ in range(40):
        await anna.say("cart.show")
    assert (await anna.closing()).code == 4029
    await bob.result("cart.show")


async def test_hundreds_of_answers_find_the_way_to_those_who_asked(stage: Stage) -> None:
    await stage.open_drop(supply=40)
    people = [await stage.join(f"viewer-{number}") for number in range(60)]
    replies = await asyncio.gather(*(p.ask("cart.add", sku="santos") for p in people))
    assert sum(reply["ok"] for reply in replies) == 40
    carts = await asyncio.gather(*(person.result("cart.show") for person in people))
    for reply, cart in zip(replies, carts, strict=True):
        assert cart["holds"] == ([reply["result"]] if reply["ok"] else [])


async def test_where_only_the_payment_takes_a_unit_the_first_who_pays_gets_it(
    stage: Stage,
) -> None:
    await stage.open_drop(supply=1, reserve_on="payment")
    anna, bob = await stage.join("anna"), await stage.join("bob")
    assert (await anna.result("cart.add", sku="santos"))["reserved"] is False
    order = await anna.result("checkout", checkout_id="c1")
    await shop(bob)
    refused = await anna.error("order.pay", order_id=order["order_id"], payment_token="tok_approve")
    assert refused["code"] == "sold_out"
