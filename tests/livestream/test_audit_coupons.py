"""The auditor on prices and coupons: what was charged is worked out anew, and each lie is found."""

import pytest
from msgspec import structs

from cart import events
from cart.coupon import CouponTerms
from cart.order import OrderLine
from cart.price import FlashPrice
from livestream import commands
from livestream.audit import Evidence, audit_log
from livestream.facts import Record
from tests.livestream.stage import PAY_TTL_MS, SANTOS, START_MS, Log, Stage, ok
from tests.livestream.test_audit import Forge, change, put_in

FLASH = FlashPrice(START_MS + 10_000, START_MS + 20_000, 1_000_000)
TERMS = CouponTerms("MAISON", 2, percent_bp=1_111)


def sale() -> Stage:
    """A flash price between two full ones, and a coupon for two: held, given back, redeemed."""
    stage = Stage()
    stage.begin()
    stage.sell(SANTOS, supply=9, limit=9, flash=[FLASH])
    stage.sell("ring", supply=9, limit=9, price_minor=500_001)
    ok(stage.desk(commands.CouponPut(TERMS)))
    stage.add("wang", "ring", 3)
    stage.buy("wang", coupon="MAISON")  # o1: two lines, redeemed
    stage.wait(10_000)
    late = stage.pay("li", stage.place("li", coupon="MAISON"))  # o2, at the flash price
    stage.wait(PAY_TTL_MS)
    ok(stage.approve(late))
    ok(stage.desk(commands.CouponPut(structs.replace(TERMS, supply=3))))
    stage.place("zhao", coupon="MAISON")  # o3 expires
    stage.wait(PAY_TTL_MS)
    stage.desk(commands.OrderRefund("o1"))
    return stage


SALE = sale()


def test_an_honest_sale_is_clean_and_so_is_its_snapshot() -> None:
    verdict = audit_log(SALE.log, "evening", Evidence(snapshot=SALE.room.state))
    assert verdict.findings == []
    assert SALE.replayed() == SALE.room.state


def with_off(*off: int) -> Forge:
    """The first order's lines, with other discounts."""

    def forge(log: Log) -> Log:
        placed = next(
            fact for _, r in log for fact in r.facts if isinstance(fact, events.OrderPlaced)
        )
        lines = [
            structs.replace(line, discount_minor=minor)
            for line, minor in zip(placed.lines, off, strict=True)
        ]
        total = sum(line.total_minor for line in lines)
        return change(events.OrderPlaced, 0, lines=lines, total_minor=total)(log)

    return forge


RING_OFF, SANTOS_OFF = (line.discount_minor for line in SALE.room.state.books.orders["o1"].lines)


@pytest.mark.parametrize(
    ("rule", "forge"),
    [
        pytest.param(10, change(events.HoldPlaced, 2, price_minor=2_880_000), id="full in flash"),
        pytest.param(10, change(events.HoldPlaced, 1, price_minor=1_000_000), id="flash in full"),
        pytest.param(14, with_off(RING_OFF, SANTOS_OFF - 1), id="a fen less off"),
        pytest.param(14, with_off(RING_OFF + 1, SANTOS_OFF - 1), id="a fen on the wrong line"),
        pytest.param(7, with_off(RING_OFF + 1, SANTOS_OFF), id="a fen more off than was asked for"),
        pytest.param(14, change(events.OrderPlaced, 0, coupon="NOSUCH"), id="nobody put it"),
        pytest.param(14, change(events.OrderPlaced, 0, coupon=""), id="off without a coupon"),
        pytest.param(
            14,
            change(events.CouponPut, 0, terms=structs.replace(TERMS, supply=1)),
            id="over-redeemed",
        ),
        pytest.param(14, change(events.OrderPlaced, 1, viewer="wang"), id="twice for one viewer"),
        pytest.param(
            14,
            change(events.CouponPut, 0, terms=structs.replace(TERMS, until_ms=START_MS)),
            id="after its end",
        ),
        pytest.param(
            14,
            change(events.CouponPut, 0, terms=structs.replace(TERMS, from_ms=START_MS + 1)),
            id="before its time",
        ),
        pytest.param(
            14,
            change(events.CouponPut, 0, terms=structs.replace(TERMS, currency="EUR")),
            id="in another currency",
        ),
        pytest.param(
            14,
            change(events.CouponPut, 1, terms=structs.replace(TERMS, supply=1)),
            id="a supply below what is used",
        ),
        pytest.param(
            14,
            put_in(events.OrderExpired("o1", "wang"), after=events.OrderPaid),
            id="given back too",
        ),
    ],
)
def test_a_planted_lie_is_found_and_named(rule: int, forge: Forge) -> None:
    verdict = audit_log(forge(SALE.log))
    assert rule in verdict.broken(), verdict.findings


def test_a_discount_that_the_log_lost_on_its_way_is_noticed() -> None:
    """As a code that knows no discounts would fold it."""

    def forget(line: OrderLine) -> OrderLine:
        return structs.replace(line, discount_minor=0)

    def blind(record: Record) -> Record:
        facts = [
            structs.replace(fact, lines=[forget(line) for line in fact.lines])
            if isinstance(fact, events.OrderPlaced)
            else fact
            for fact in record.facts
        ]
        return structs.replace(record, facts=facts)

    assert {7, 14} <= audit_log([(seq, blind(record)) for seq, record in SALE.log]).broken()
