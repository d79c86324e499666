"""The auditor and presales: an honest one is clean, and what breaks its word is found and named."""

import pytest
from msgspec import structs

from cart import events
from livestream import commands
from livestream.audit import audit_log
from tests.livestream.presales import DEPOSIT_MINOR, TERMS, deposit
from tests.livestream.stage import PAY_TTL_MS, PRICE_MINOR, SANTOS, START_MS, Log, Stage, ok
from tests.livestream.test_audit import Forge, change, put_in, record, repeat, take_out


def presale() -> Stage:
    """Orders paid (o1), defaulted (o2, o5), deposited late and paid (o3), refunded (o4), paid by a
    balance that came late (o6), and one of a presale that refunds (o7); two that are cancelled (o8
    with its unit written off, and o9); in the end one of the rest (o10).
    """
    stage = Stage()
    stage.begin()
    stage.sell(SANTOS, supply=6, limit=2, presale=TERMS)
    stage.sell("ring", supply=3, presale=structs.replace(TERMS, on_default="refund"))
    for viewer in ("wang", "li"):
        deposit(stage, viewer)
    late = stage.pay("zhao", stage.place("zhao"))  # o3
    stage.wait(PAY_TTL_MS)
    ok(stage.approve(late))
    for viewer in ("wu", "sun", "qian"):
        deposit(stage, viewer)
    deposit(stage, "qian", "ring")
    for viewer, restock in (("wu", False), ("wang", True)):
        order_id = deposit(stage, viewer, "ring")
        ok(stage.desk(commands.OrderRefund(order_id, restock, request_id="goodwill")))
    stage.wait(TERMS.balance_from_ms - stage.now_ms)
    for viewer, order_id in (("wang", "o1"), ("zhao", "o3"), ("wu", "o4")):
        ok(stage.approve(stage.pay(viewer, order_id)))
    ok(stage.desk(commands.OrderRefund("o4")))
    slow = stage.pay("qian", "o6")
    stage.restart()
    stage.wait(TERMS.balance_until_ms - stage.now_ms)
    ok(stage.approve(slow))
    stage.wait(10_000)
    ok(stage.provider(commands.RefundSettled("o7-p1")))
    ok(stage.desk(commands.DropOpenRest("ring")))
    stage.buy("zhao", "ring")  # o10, of the rest
    stage.desk(commands.RoomEnd())
    return stage


HONEST = presale().log


@pytest.fixture
def honest() -> Log:
    return HONEST


def test_an_honest_presale_is_clean(honest: Log) -> None:
    verdict = audit_log(honest)
    assert verdict.findings == []
    assert verdict.books.orders == {
        "paid": 4,
        "defaulted": 3,
        "refunded": 1,
        "cancelled": 2,
    }
    assert verdict.books.payments == {"kept": 9, "owed": 4, "back": 1}
    (money,) = verdict.books.money
    assert (money.gross_minor, money.refunded_minor) == (5 * PRICE_MINOR, PRICE_MINOR)


REST = events.DropOpened(SANTOS, "rest")
PLANTED: list[tuple[str, int, Forge]] = [
    ("a deposit that was never received", 22, change(events.DepositPaid, 0, amount_minor=1)),
    ("a deposit that is not in the log", 22, take_out(events.DepositPaid, 0)),
    ("a deposit twice", 22, repeat(events.DepositPaid)),
    ("a deposit by another payment", 22, change(events.DepositPaid, 0, payment_id="o2-p1")),
    ("a balance that is due earlier", 22, change(events.DepositPaid, 0, expires_at_ms=START_MS)),
    ("an order without a deposit", 22, change(events.OrderPlaced, 0, deposit_minor=0)),
    ("a deposit of half", 22, change(events.OrderPlaced, 0, deposit_minor=DEPOSIT_MINOR // 2)),
    (
        "an order that outlasts its window",
        22,
        change(events.OrderPlaced, 0, expires_at_ms=TERMS.balance_from_ms),
    ),
    (
        "a hold that outlasts its window",
        22,
        change(events.HoldPlaced, 0, expires_at_ms=TERMS.balance_from_ms),
    ),
    ("the whole price at once", 22, change(events.PaymentStarted, 0, part="whole")),
    ("the balance before its window", 22, record(11, at_ms=TERMS.balance_until_ms)),
    ("a default that takes more", 22, change(events.OrderDefaulted, 0, amount_minor=PRICE_MINOR)),
    ("a default that gives back", 22, change(events.OrderDefaulted, 0, forfeited=False)),
    ("a default that keeps", 22, change(events.OrderDefaulted, -1, forfeited=True)),
    ("a default of a paid order", 5, change(events.OrderDefaulted, 0, order_id="o1")),
    ("a default that never came", 5, take_out(events.OrderDefaulted, 0)),
    ("a default before its time", 5, change(events.DepositPaid, 1, expires_at_ms=2**41)),
    ("a default of somebody else", 5, change(events.OrderDefaulted, 0, viewer="wang")),
    ("a deposit given back by half", 22, change(events.OrderCancelled, 0, amount_minor=1)),
    ("a deposit given back twice", 6, repeat(events.OrderCancelled)),
    ("another deposit goes back", 22, change(events.OrderCancelled, 0, payment_id="o1-p1")),
    ("a deposit goes back by another name", 6, change(events.OrderCancelled, 0, refund_id="o8-p1")),
    ("a cancelled order of somebody else", 5, change(events.OrderCancelled, 0, viewer="li")),
    ("another order is cancelled", 5, change(events.OrderCancelled, 0, order_id="o1")),
    ("an order is cancelled and not in the log", 5, take_out(events.OrderCancelled, 1)),
    ("units written off that came back", 1, change(events.OrderCancelled, 0, restocked=True)),
    ("units that came back written off", 1, change(events.OrderCancelled, -1, restocked=False)),
    ("a rest that nobody opened", 22, take_out(events.DropOpened, -1)),
    ("a rest while balances are due", 22, put_in(REST, after=events.PaymentStarted)),
    ("a rest that is opened twice", 0, repeat(events.DropOpened, -1)),
    ("a late deposit from holds that stand", 5, change(events.DepositPaid, 0, late=True)),
    ("a late deposit from holds that are gone", 5, change(events.DepositPaid, 2, late=False)),
    ("a balance of another amount", 10, change(events.PaymentStarted, 9, amount_minor=1)),
    ("a balance for the deposit", 6, change(events.PaymentStarted, 9, part="deposit")),
    (
        "deposits for more units than there are",
        2,
        put_in(
            events.HoldPlaced("h99", "x", SANTOS, SANTOS, 6, PRICE_MINOR, "CNY", 2**41, "c"),
            after=events.HoldPlaced,
        ),
    ),
]


@pytest.mark.parametrize(("rule", "forge"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED])
def test_a_planted_violation_is_found_and_named(honest: Log, rule: int, forge: Forge) -> None:
    verdict = audit_log(forge(honest))
    assert rule in verdict.broken(), verdict.findings


def test_a_room_that_still_waits_for_balances_says_so() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(SANTOS, presale=TERMS)
    deposit(stage, "wang")
    verdict = audit_log(stage.log)
    assert verdict.clean
    assert next(line for line in verdict.rules if line.number == 22).note == "1 balances to come"
