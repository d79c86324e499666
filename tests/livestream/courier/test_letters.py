"""What the merchant is told: every fact about an order, with the order as it was placed."""

import orjson

from cart import events
from cart.refund import Units
from livestream import commands
from livestream.courier.letters import TOLD, Letter, OrderCard, letters_of
from tests.livestream.courier.receiver import BOUGHT
from tests.livestream.presales import DEPOSIT_MINOR, HOUR_MS, deposit, presale_stage
from tests.livestream.stage import PRICE_MINOR, SANTOS, Stage, ok


def evening() -> Stage:
    stage = Stage("evening")
    stage.begin()
    stage.sell(SANTOS, supply=5, limit=3)
    stage.buy("wang", SANTOS, 2)
    ok(stage.desk(commands.OrderRefund("o1", True, [Units(SANTOS, 1)], request_id="r1")))
    ok(stage.desk(commands.OrderRefund("o1")))
    ok(stage.provider(commands.RefundSettled("o1-p1", "o1-p1-r2")))
    stage.place("li")
    stage.wait(400_000)
    return stage


def letters(stage: Stage) -> list[Letter]:
    cards: dict[str, OrderCard] = {}
    return [
        letter
        for seq, record in stage.log
        for letter in letters_of(stage.room.state.room, seq, record, cards)
    ]


def test_every_fact_about_an_order_is_told_in_order() -> None:
    told = [(letter.order_id, letter.kind) for letter in letters(evening())]
    assert told == [
        *[("o1", kind) for kind in BOUGHT],
        ("o1", "order.refunded_partly"),
        ("o1", "order.refunded"),
        ("o1", "refund.settled"),
        ("o2", "order.placed"),
        ("o2", "order.expired"),
    ]
    assert {events.OrderPlaced, events.RefundSettled, events.PerkAwarded} <= TOLD
    assert not TOLD & {events.HoldPlaced, events.StockShown, events.DropOpened}


def test_an_event_carries_its_order_and_what_the_fact_says() -> None:
    started = orjson.loads(letters(evening())[1].body)
    data = started["data"]
    assert (started["type"], data["room"], data["at_ms"]) == (
        "payment.started",
        "evening",
        1_700_000_000_000,
    )
    assert started["timestamp"] == "2023-11-14T22:13:20.000Z"
    assert data["order"]["viewer"] == "wang"
    assert data["order"]["lines"][0]["quantity"] == 2
    assert (data["amount_minor"], data["token"]) == (2 * PRICE_MINOR, "tok_approve")
    assert data["reference"] == "evening:o1-p1"


def test_a_refund_says_what_to_give_back_and_by_which_reference() -> None:
    part, whole = (orjson.loads(letter.body)["data"] for letter in letters(evening())[3:5])
    assert (part["reference"], part["amount_minor"]) == ("evening:o1-p1-r1", PRICE_MINOR)
    assert (part["units"], part["restocked"]) == ([{"sku": SANTOS, "quantity": 1}], True)
    assert (whole["reference"], whole["amount_minor"]) == ("evening:o1-p1-r2", PRICE_MINOR)


def test_a_default_says_whether_the_deposit_goes_back_and_by_which_reference() -> None:
    for on_default, reference in (("refund", "evening:o1-p1-r1"), ("forfeit", None)):
        stage, _ = presale_stage(on_default=on_default)
        deposit(stage, "wang")
        stage.wait(3 * HOUR_MS)
        told = {letter.kind: orjson.loads(letter.body)["data"] for letter in letters(stage)}
        assert told["payment.started"]["part"] == "deposit"
        assert told["deposit.paid"]["amount_minor"] == DEPOSIT_MINOR
        assert told["order.defaulted"]["forfeited"] == (reference is None)
        assert told["order.defaulted"].get("reference") == reference


def test_a_deposit_that_is_given_back_names_its_reference() -> None:
    stage, _ = presale_stage()
    deposit(stage, "wang")
    stage.desk(commands.OrderRefund("o1"))
    told = {letter.kind: orjson.loads(letter.body)["data"] for letter in letters(stage)}
    assert told["order.cancelled"]["reference"] == "evening:o1-p1-r1"
    assert told["order.cancelled"]["amount_minor"] == DEPOSIT_MINOR


def test_the_name_of_an_event_is_that_of_its_place_in_the_log() -> None:
    names = [letter.event_id for letter in letters(evening())]
    assert names == [letter.event_id for letter in letters(evening())]
    assert len(set(names)) == len(names)
    assert all(name.startswith("evt_") and "." not in name for name in names)
