"""The auditor on refunds in part: an honest evening is clean, each kind of lie is found."""

import pytest

from cart import events
from cart.refund import RefundLine, Units
from livestream import commands
from livestream.audit import Evidence, Returned, audit_log
from tests.livestream.stage import SANTOS, Log, Stage, ok
from tests.livestream.test_audit import Forge, change, repeat, take_out


def evening() -> Stage:
    """o1 of three santos and a ring goes back in units, in an amount and then whole."""
    stage = Stage()
    stage.begin()
    stage.sell(SANTOS, supply=4, limit=4, price_minor=1_000, numbered=True)
    stage.sell("ring", supply=2, price_minor=334)
    ok(stage.add("wang", quantity=3))
    ok(stage.add("wang", "ring"))
    order_id = ok(stage.check_out("wang"))["order_id"]
    ok(stage.approve(stage.pay("wang", order_id)))
    units = [Units(SANTOS, 1)]
    ok(stage.desk(commands.OrderRefund("o1", True, units, request_id="one")))
    ok(stage.desk(commands.OrderRefund("o1", amount_minor=101, request_id="two")))
    ok(stage.desk(commands.OrderRefund("o1", False, units, request_id="three")))
    ok(stage.provider(commands.RefundSettled("o1-p1", "o1-p1-r2")))
    ok(stage.desk(commands.OrderRefund("o1", False)))
    ok(stage.provider(commands.RefundSettled("o1-p1")))
    stage.buy("li", SANTOS, 2)
    ok(stage.desk(commands.OrderRefund("o2", amount_minor=1_000, request_id="one")))
    stage.desk(commands.RoomEnd())
    return stage


HONEST = evening().log


def test_an_evening_of_parts_is_clean() -> None:
    verdict = audit_log(HONEST, "evening")
    assert verdict.findings == []
    (money,) = verdict.books.money
    assert (money.gross_minor, money.refunded_minor) == (5_334, 4_334)
    assert (money.units_sold, money.units_refunded) == (6, 4)
    assert verdict.books.orders == {"refunded": 1, "paid": 1}


PARTLY = events.OrderRefundedPartly


@pytest.mark.parametrize(
    ("lie", "rule", "forge"),
    [
        ("a fen more of a unit", 7, change(PARTLY, 0, lines=[RefundLine("h1", 1, 1_001)])),
        ("a sum that is a fen off", 7, change(PARTLY, 0, amount_minor=1_001)),
        ("a line of nobody's", 7, change(PARTLY, 0, lines=[RefundLine("h9", 1, 1_000)])),
        ("more units than there are", 7, change(PARTLY, 0, lines=[RefundLine("h1", 4, 1_000)])),
        (
            "a spread that leaves a line out",
            7,
            change(PARTLY, 1, lines=[RefundLine("h1", 0, 101)]),
        ),
        (
            "a spread that gives the fen to the smaller remainder",
            7,
            change(PARTLY, 1, lines=[RefundLine("h1", 0, 86), RefundLine("h2", 0, 15)]),
        ),
        ("no lines at all", 7, change(PARTLY, 1, lines=[])),
        ("a whole that forgets the parts", 7, change(events.OrderRefunded, amount_minor=3_334)),
        ("a part is left out", 7, take_out(PARTLY, 2)),
        ("a part twice", 6, repeat(PARTLY)),
        ("one request, two refunds", 6, change(PARTLY, 1, request_id="one")),
        ("a refund by another's name", 6, change(PARTLY, 1, refund_id="o1-p1-r1")),
        ("a part of another payment", 6, change(PARTLY, 0, payment_id="o2-p1")),
        ("a part of an order that is not there", 6, change(PARTLY, 0, order_id="o7")),
        (
            "a part that nobody made is settled",
            6,
            change(events.RefundSettled, 0, refund_id="o1-p1-r7"),
        ),
        ("a part is settled twice", 6, repeat(events.RefundSettled)),
        ("written off, and on the shelf again", 1, change(PARTLY, 2, restocked=True)),
    ],
)
def test_a_lie_is_found(lie: str, rule: int, forge: Forge) -> None:
    assert rule in audit_log(forge(HONEST)).broken(), lie


def test_what_the_provider_gave_back_must_be_a_refund_of_the_log() -> None:
    def broken(*returned: Returned) -> set[int]:
        return audit_log(HONEST, evidence=Evidence(returned=list(returned))).broken()

    assert broken(Returned("o1-p1-r1", 1_000, "CNY"), Returned("o1-p1-r2", 101, "CNY")) == set()
    assert broken(Returned("o1-p1-r1", 1_001, "CNY")) == {6}
    assert broken(Returned("o1-p1-r1", 1_000, "EUR")) == {6}
    assert broken(Returned("o1-p1-r9", 1, "CNY")) == {6}


def test_forging_nothing_finds_nothing() -> None:
    log: Log = [(seq, record) for seq, record in HONEST]
    assert audit_log(log).clean
