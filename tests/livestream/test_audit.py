"""The auditor: an honest log is clean, and each kind of lie is found and named.

Every planted violation is a twin of the same honest evening with one thing changed, so that what is
found is found because of that change.
"""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from redis import asyncio as aioredis

from cart import events
from cart.drop import DropTerms
from cart.fact import Fact
from cart.order import OrderLine
from cart.perk import PerkTerms
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream import commands, facts, keys, messages, wire
from livestream.audit import (
    Acknowledged,
    Auditor,
    Captured,
    Evidence,
    Verdict,
    audit_log,
    audit_room,
    evidence_beside,
)
from livestream.audit.auditor import CHECKS
from livestream.facts import AnyFact, Record
from livestream.payments.statement import Amount, Movement, write_down
from livestream.room import RoomState
from tests.livestream.stage import (
    HOLD_TTL_MS,
    PAY_TTL_MS,
    PRICE_MINOR,
    SANTOS,
    START_MS,
    Log,
    Stage,
    ok,
)
from tests.livestream.values import instances
from tests.properties import PROPERTY

Forge = Callable[[Log], Log]


def evening() -> Stage:
    """Something of everything: sold out, restocked, late money, a line, refunds, a second
    owner, the end.

    santos: supply 3 + 1, numbered, a perk for the first 2 that passes on. ring: in euro, closed
    with units, delivered by hand to the first.
    """
    stage = Stage()
    stage.begin()
    stage.put_card(sku=SANTOS)
    perks = [PerkTerms("bellboy", "Bellboy", 2, "pass")]
    stage.sell(SANTOS, supply=3, limit=2, perks=perks, numbered=True)
    hand = [PerkTerms("hand", "By hand", 1, slots=True)]
    stage.sell("ring", supply=6, limit=3, price_minor=500_000, currency="EUR", perks=hand)
    stage.buy("wang")  # o1, rank 1
    late = stage.pay("li", stage.place("li"))  # o2
    stage.wait(PAY_TTL_MS)
    stage.add("zhao", quantity=2)
    ok(stage.join("zheng"))
    ok(stage.join("zhou"))
    stage.leave("zheng")
    stage.leave("zhou")
    stage.wait(HOLD_TTL_MS)
    ok(stage.approve(late))  # o2 after all, rank 2
    stage.buy("wu")  # o3: sold out
    stage.desk(commands.DropRestock(SANTOS, 1))
    stage.restart()
    declined = stage.pay("sun", stage.place("sun"))  # o4
    stage.provider(commands.PaymentDeclined(declined, "no cover"))
    ok(stage.approve(stage.pay("sun", "o4")))  # sold out again
    ok(stage.approve(declined))  # too much: goes back
    stage.desk(commands.OrderRefund("o1"))  # rank 1 passes to o3
    stage.provider(commands.RefundSettled("o1-p1"))
    stage.buy("qian")  # o5, the refunded unit
    ten = SlotTerms("ten", "hand", "Shanghai", START_MS * 2, START_MS * 2 + 1, 1)
    ok(stage.desk(commands.SlotPut(ten)))
    ok(stage.add("wang", "ring", 2))
    check_out = messages.Checkout("c", "co", slot_id="ten")
    ok(stage.ask("wang", check_out, "wechat"))  # o6, delivered at ten
    ok(stage.approve(stage.pay("wang", "o6")))
    stage.add("li", "ring", 3)
    stage.wait(1_000)
    stage.desk(commands.RoomEnd())
    stage.wait(HOLD_TTL_MS)
    return stage


HONEST = evening().log


@pytest.fixture
def honest() -> Log:
    return HONEST


def test_an_honest_evening_is_clean(honest: Log) -> None:
    verdict = audit_log(honest, "evening")
    assert verdict.findings == []
    assert verdict.clean
    assert verdict.broken() == set()


def test_every_rule_was_really_applied_to_it(honest: Log) -> None:
    assert all(line.looked > 1 for line in audit_log(honest).rules)
    assert [line.number for line in audit_log(honest).rules] == [c.rule.number for c in CHECKS]
    assert len({check.rule.number for check in CHECKS}) == len(CHECKS)


def test_the_books_tell_what_was_sold(honest: Log) -> None:
    books = audit_log(honest).books
    santos, ring = books.drops
    assert (santos.supplied, santos.sold, santos.withdrawn) == (4, 4, 0)
    assert (ring.supplied, ring.sold, ring.withdrawn, ring.held) == (6, 2, 4, 0)
    assert [(m.currency, m.gross_minor, m.refunded_minor, m.net_minor) for m in books.money] == [
        ("CNY", 5 * PRICE_MINOR, PRICE_MINOR, 4 * PRICE_MINOR),
        ("EUR", 1_000_000, 0, 1_000_000),
    ]
    assert books.orders == {"refunded": 1, "paid": 5}
    assert books.payments == {"back": 1, "kept": 5, "owed": 1}
    assert books.perks == {SANTOS: 2, "ring": 1}
    assert (books.epochs, books.holds_open, books.late_ms_max) == (2, 0, 0)


# -- forging a log -----------------------------------------------------------------------------


def place_of(log: Log, kind: type[Fact], number: int = 0) -> tuple[int, int]:
    """Where the `number`-th fact of this kind is: which record, which fact of it."""
    places = [
        (r, f)
        for r, (_, record) in enumerate(log)
        for f, fact in enumerate(record.facts)
        if type(fact) is kind
    ]
    return places[number]


def numbered(records: list[Record]) -> Log:
    """A log with dense seqs again, after facts were put in or taken out."""
    log, seq = [], 0
    for record in records:
        seq += len(record.facts)
        if record.facts:
            log.append((seq, record))
    return log


def with_facts(log: Log, index: int, new: list[Fact]) -> Log:
    records = [record for _, record in log]
    records[index] = structs.replace(records[index], facts=new)
    return numbered(records)


def change(kind: type[Fact], number: int = 0, /, **fields: object) -> Forge:
    """A fact says something else."""

    def forge(log: Log) -> Log:
        r, f = place_of(log, kind, number)
        changed = list(log[r][1].facts)
        changed[f] = structs.replace(changed[f], **fields)
        return with_facts(log, r, list(changed))

    return forge


def take_out(kind: type[Fact], number: int = 0) -> Forge:
    """A fact is not there, and nothing shows that it was."""

    def forge(log: Log) -> Log:
        r, f = place_of(log, kind, number)
        kept = [fact for place, fact in enumerate(log[r][1].facts) if place != f]
        return with_facts(log, r, list(kept))

    return forge


def put_in(*new: Fact, after: type[Fact], number: int = 0) -> Forge:
    """More facts, behind one of this kind."""

    def forge(log: Log) -> Log:
        r, f = place_of(log, after, number)
        old = list(log[r][1].facts)
        return with_facts(log, r, [*old[: f + 1], *new, *old[f + 1 :]])

    return forge


def repeat(kind: type[Fact], number: int = 0) -> Forge:
    """The same fact twice."""

    def forge(log: Log) -> Log:
        r, f = place_of(log, kind, number)
        return put_in(log[r][1].facts[f], after=kind, number=number)(log)

    return forge


def record(index: int, **fields: object) -> Forge:
    """A record says something else about itself."""

    def forge(log: Log) -> Log:
        forged = list(log)
        seq, honest = forged[index]
        forged[index] = seq, structs.replace(honest, **fields)
        return forged

    return forge


def hold(hold_id: str, viewer: str, quantity: int, drop_id: str = SANTOS) -> events.HoldPlaced:
    deadline_ms = 4_000_000_000_000
    return events.HoldPlaced(
        hold_id, viewer, drop_id, SANTOS, quantity, PRICE_MINOR, "CNY", deadline_ms, "c"
    )


def order(order_id: str, viewer: str, checkout_id: str, *holds: events.HoldPlaced) -> Fact:
    lines = [OrderLine(h.hold_id, h.drop_id, h.sku, h.quantity, h.price_minor) for h in holds]
    total_minor = sum(line.total_minor for line in lines)
    return events.OrderPlaced(
        order_id, checkout_id, viewer, "tmall", lines, total_minor, "CNY", 4_000_000_000_000, {}
    )


def doubled_checkout(log: Log) -> Log:
    """The retry of a checkout makes a second order of the same hold's twin."""
    r, f = place_of(log, events.OrderPlaced, 0)
    first = log[r][1].facts[f]
    assert isinstance(first, events.OrderPlaced)
    again = hold("h99", first.viewer, 1)
    return put_in(
        again,
        order("o99", first.viewer, first.checkout_id, again),
        after=events.OrderPlaced,
        number=0,
    )(log)


def lose_record(log: Log) -> Log:
    return [*log[:9], *log[10:]]


def repeat_record(log: Log) -> Log:
    return [*log[:9], log[8], *log[9:]]


#: Wang's, of the first order.
LINE = OrderLine("h1", SANTOS, SANTOS, 1, PRICE_MINOR)


def slot_begins_now(log: Log) -> Log:
    r, f = place_of(log, events.SlotPut)
    put = log[r][1].facts[f]
    assert isinstance(put, events.SlotPut)
    return change(events.SlotPut, terms=structs.replace(put.terms, from_ms=START_MS))(log)


PLANTED: list[tuple[str, int, Forge]] = [
    # -- 0 the log's form
    ("a record without facts", 0, record(4, facts=[])),
    ("time goes back", 0, record(6, at_ms=1)),
    ("the cursor goes back", 0, record(6, cursor="0-0")),
    ("the cursor is no id", 0, record(6, cursor="here")),
    ("a fenced owner writes on", 0, record(-1, epoch=1)),
    ("an owner that never took over", 0, take_out(facts.EpochStarted, 1)),
    ("the same epoch twice", 0, change(facts.EpochStarted, 1, epoch=1)),
    ("a hold before the opening", 0, take_out(events.DropOpened, 0)),
    ("a hold before the show", 0, take_out(facts.RoomStarted)),
    ("an open drop opens", 0, repeat(events.DropOpened, 0)),
    (
        "a drop opens a rest that it does not have",
        0,
        put_in(events.DropOpened(SANTOS, "rest"), after=events.DropOpened),
    ),
    ("the clock opens what has no time", 0, change(events.DropOpened, 0, reason="clock")),
    ("a closed drop is paused", 0, put_in(events.DropPaused(SANTOS), after=events.DropClosed)),
    (
        "a drop is paused by a restock, and no host had paused it",
        0,
        put_in(events.DropPaused(SANTOS, "restock"), after=events.DropSoldOut),
    ),
    # -- 1 stock adds up
    ("more held than there is", 1, change(events.HoldPlaced, 0, quantity=4)),
    ("closing withdraws too little", 1, change(events.DropClosed, 1, withdrawn=0)),
    ("closing withdraws too much", 1, change(events.DropClosed, 1, withdrawn=3)),
    ("a drop is scheduled twice", 1, repeat(events.DropScheduled)),
    ("a drop that nobody scheduled", 1, take_out(events.DropScheduled, 1)),
    ("a restock that never came", 1, take_out(events.DropRestocked)),
    # -- 2 never oversold
    (
        "one unit too many",
        2,
        put_in(hold("h98", "x", 1), hold("h99", "y", 2), after=events.OrderPaid),
    ),
    ("late money for units that are held", 2, take_out(events.HoldExpired, 0)),
    ("sold out with units left", 2, put_in(events.DropSoldOut(SANTOS), after=events.OrderPaid)),
    ("nobody says it is sold out", 2, take_out(events.DropSoldOut, 0)),
    ("nobody says that all is held", 2, take_out(events.DropAllHeld, 0)),
    ("all held with a unit free", 2, put_in(events.DropAllHeld(SANTOS), after=events.OrderPaid)),
    ("all held though units came back", 2, take_out(events.DropOpened, 2)),
    ("opened though nothing came back", 0, change(events.DropOpened, 0, reason="released")),
    ("the room ends and units stay", 2, take_out(events.DropClosed, 1)),
    ("the room ends and a drop goes on", 0, take_out(events.DropClosed, 0)),
    # -- 3 one checkout, one order
    ("a retried checkout makes two orders", 3, doubled_checkout),
    ("an order is placed twice", 3, repeat(events.OrderPlaced)),
    # -- 4 nothing is lost
    ("a record is lost", 4, lose_record),
    ("a record comes twice", 4, repeat_record),
    ("the beginning is lost", 4, lambda log: log[1:]),
    # -- 5 every hold ends once
    ("a hold expires twice", 5, repeat(events.HoldExpired)),
    ("a hold is placed twice", 5, repeat(events.HoldPlaced)),
    (
        "an ordered hold expires",
        5,
        put_in(events.HoldExpired("h1", "wang", SANTOS, 1), after=events.OrderPlaced),
    ),
    (
        "a paid hold is released",
        5,
        put_in(events.HoldReleased("h1", 1, "c"), after=events.OrderPaid),
    ),
    (
        "a hold that never was expires",
        5,
        put_in(events.HoldExpired("h77", "x", SANTOS, 1), after=events.OrderPaid),
    ),
    ("more expires than is held", 5, change(events.HoldExpired, 0, quantity=3)),
    ("a hold expires early", 5, change(events.HoldPlaced, 2, expires_at_ms=4_000_000_000_000)),
    ("a hold expires late", 5, change(events.HoldPlaced, 2, expires_at_ms=1_700_000_300_001)),
    ("a hold is forgotten", 5, take_out(events.HoldExpired, 0)),
    ("an order expires early", 5, change(events.OrderPlaced, 1, expires_at_ms=4_000_000_000_000)),
    ("a paid order expires", 5, put_in(events.OrderExpired("o1", "wang"), after=events.OrderPaid)),
    ("an expired order is paid from its holds", 5, change(events.OrderPaid, 1, late=False)),
    ("an order is paid late in time", 5, change(events.OrderPaid, 0, late=True)),
    ("an order without lines", 5, change(events.OrderPlaced, 0, lines=[], total_minor=0)),
    # -- 6 no payment without an order or a refund
    ("a payment of nothing", 6, change(events.PaymentStarted, 0, order_id="o77")),
    ("a payment that was never asked for", 6, take_out(events.PaymentStarted, 0)),
    ("a payment without its order", 6, take_out(events.OrderPlaced, 0)),
    ("an order is paid twice", 6, repeat(events.OrderPaid)),
    ("money is kept and goes back", 6, change(events.PaymentReturned, 0, payment_id="o4-p2")),
    ("money goes back for no reason", 6, change(events.PaymentReturned, 0, reason="too_late")),
    ("a refund of what was not paid", 6, change(events.OrderRefunded, 0, order_id="o77")),
    ("a refund of another payment", 6, change(events.OrderRefunded, 0, payment_id="o2-p1")),
    ("a refund twice", 6, repeat(events.OrderRefunded)),
    ("a refund that nobody owes is settled", 6, repeat(events.RefundSettled)),
    (
        "a payment declined after it paid",
        6,
        put_in(events.PaymentDeclined("o1-p1", "o1", ""), after=events.OrderPaid),
    ),
    # -- 7 GMV to the fen
    ("a total that is a fen off", 7, change(events.OrderPlaced, 0, total_minor=PRICE_MINOR + 1)),
    ("a payment of a fen less", 7, change(events.PaymentStarted, 0, amount_minor=PRICE_MINOR - 1)),
    ("a payment in another currency", 7, change(events.PaymentStarted, 0, currency="USD")),
    ("a refund of a fen less", 7, change(events.OrderRefunded, 0, amount_minor=PRICE_MINOR - 1)),
    ("a paid order is not counted", 7, change(events.OrderPaid, 2, paid_seq=2)),
    ("an order in another currency", 7, change(events.OrderPlaced, 0, currency="EUR")),
    # -- 8 perks
    ("a rank is given twice", 8, repeat(events.PerkAwarded)),
    ("a rank is skipped", 8, change(events.PerkAwarded, 1, rank=3)),
    ("the first two swap", 8, change(events.PerkAwarded, 0, order_id="o2", viewer="li")),
    ("one gets nothing", 8, take_out(events.PerkAwarded, 1)),
    (
        "number N + 1 gets it too",
        8,
        put_in(
            events.PerkAwarded(SANTOS, "bellboy", "o3", "wu", "Bellboy", 3),
            after=events.OrderPaid,
            number=2,
        ),
    ),
    ("a refunded order keeps its rank", 8, take_out(events.PerkRevoked)),
    ("a rank does not pass on", 8, take_out(events.PerkAwarded, 2)),
    (
        "a rank is lost for no reason",
        8,
        put_in(events.PerkRevoked(SANTOS, "bellboy", "o2", 2), after=events.PerkAwarded, number=1),
    ),
    ("another name", 8, change(events.PerkAwarded, 0, name="a pen")),
    ("another perk", 8, change(events.PerkAwarded, 0, perk_id="pen")),
    ("another winner", 8, change(events.PerkAwarded, 0, viewer="zhao")),
    # -- 9 limits
    ("a hold beyond the limit", 9, put_in(hold("h99", "wang", 2), after=events.OrderPaid)),
    ("an order and then too many holds", 9, change(events.HoldPlaced, -1, viewer="wang")),
    (
        "more than the room allows",
        9,
        put_in(events.RulesSet(RoomRules(limit_per_viewer=1)), after=facts.RoomStarted),
    ),
    (
        "two products in one order",
        9,
        put_in(
            events.RulesSet(RoomRules(one_product_per_order=True)),
            hold("h98", "x", 1),
            ring := structs.replace(hold("h99", "x", 1, "ring"), sku="ring"),
            order("o99", "x", "co-x", hold("h98", "x", 1), ring),
            after=events.DropOpened,
            number=1,
        ),
    ),
    # -- 10 the frozen price
    ("a hold at another price", 10, change(events.HoldPlaced, 0, price_minor=1)),
    ("a hold in another currency", 10, change(events.HoldPlaced, 0, currency="USD")),
    (
        "an order at another price",
        10,
        change(events.OrderPlaced, 0, lines=[OrderLine("h1", SANTOS, SANTOS, 1, 1)]),
    ),
    ("a payment of another amount", 10, change(events.PaymentStarted, 0, amount_minor=1)),
    # -- 17 only who is invited buys
    (
        "a room for others",
        17,
        put_in(events.RulesSet(RoomRules(invited_only=True)), after=facts.RoomStarted),
    ),
    (
        "an invitation is withdrawn that was never given",
        17,
        put_in(events.InvitationWithdrawn(["wang"]), after=facts.RoomStarted),
    ),
    # -- 11 stock shown
    ("more is shown than there is", 11, change(events.StockShown, 0, available=3)),
    ("less is shown as sold", 11, change(events.StockShown, -1, sold=0)),
    (
        "an old level is shown again",
        11,
        put_in(events.StockShown(SANTOS, SANTOS, 3, 0, 0), after=events.OrderPaid),
    ),
    ("the stock of another product", 11, change(events.StockShown, 0, sku="tank")),
    # -- 26 slots are stock
    ("a place too many", 26, put_in(events.SlotTaken("ten", "o2"), after=events.SlotTaken)),
    ("a place is given twice", 26, repeat(events.SlotTaken)),
    ("a place for an order that won nothing", 26, change(events.SlotTaken, 0, order_id="o4")),
    ("a paid order only holds its place", 26, take_out(events.SlotTaken)),
    ("what was asked for at the checkout is not held", 26, take_out(events.SlotHeld)),
    ("a slot that nobody declared", 26, take_out(events.SlotPut)),
    ("a place in a slot that has begun", 26, slot_begins_now),
    (
        "a place is given up by who has none",
        26,
        put_in(events.SlotReleased("ten", "o2", "changed"), after=events.SlotPut),
    ),
    (
        "a winner's place is given away",
        26,
        put_in(events.SlotReleased("ten", "o6", "not_won"), after=events.SlotTaken),
    ),
    # -- 18 each number once
    ("a number is given twice", 18, change(events.EditionNumbered, 1, numbers=[1])),
    ("a number is skipped", 18, change(events.EditionNumbered, 1, numbers=[3])),
    ("more numbers than units", 18, change(events.EditionNumbered, 0, numbers=[1, 2])),
    ("a paid unit gets no number", 18, take_out(events.EditionNumbered, 2)),
    ("an order is numbered twice", 18, repeat(events.EditionNumbered)),
    ("a number goes to a stranger", 18, change(events.EditionNumbered, 0, viewer="zhao")),
    ("37 of 36", 18, change(events.EditionNumbered, 3, of=3)),
    ("a refunded order keeps its number", 18, take_out(events.EditionRevoked)),
    ("a number that came back is lost", 18, change(events.EditionRevoked, 0, freed=False)),
    ("a new number though one came back", 18, change(events.EditionNumbered, 4, numbers=[5])),
    (
        "a number is taken away for no reason",
        18,
        put_in(events.EditionRevoked(SANTOS, "o2", [2], True), after=events.EditionNumbered),
    ),
    # -- 13 the books balance
    ("an order paid with a fen less", 13, change(events.PaymentStarted, 0, amount_minor=1)),
    ("an order paid twice", 13, repeat(events.OrderPaid)),
    ("more refunded than was paid", 13, change(events.OrderRefunded, 0, amount_minor=10**9)),
    ("a refund that is not the whole", 13, change(events.OrderRefunded, 0, amount_minor=1)),
    ("more put back than was held", 13, change(events.HoldExpired, 0, hold_id="h1")),
    ("an order expires and is paid in time", 13, change(events.OrderPaid, 1, late=False)),
    # -- 23 reserved when declared
    ("a hold that holds nothing", 23, change(events.HoldPlaced, 0, reserved=False)),
    (
        "an order that holds nothing",
        23,
        change(events.OrderPlaced, 0, lines=[structs.replace(LINE, reserved=False)]),
    ),
    # -- 21 the line is served in order
    ("two in line with one number", 21, change(events.LineJoined, 1, number=1)),
    ("a number is left out", 21, change(events.LineJoined, 1, number=3)),
    ("a place that is better than told", 21, change(events.LineJoined, 1, ahead=0)),
    ("one waits twice", 21, change(events.LineJoined, 1, viewer="zheng")),
    ("one waits while units are free", 21, take_out(events.HoldPlaced, 2)),
    ("one leaves who does not wait", 21, change(events.LineLeft, 0, viewer="wu")),
    ("one is passed over who may buy", 21, change(events.LineLeft, 0, reason="limit")),
    ("one is passed over with an empty cart", 21, change(events.LineLeft, 0, reason="cart")),
    ("one overtakes the line", 21, put_in(hold("h99", "x", 1), after=events.LineJoined)),
    ("one who waits is forgotten", 21, take_out(events.LineLeft, 1)),
    # -- 12 state = fold(log)
    ("a log that an engine cannot fold", 12, repeat(events.HoldExpired)),
    (
        "a card that was never there",
        12,
        put_in(facts.CardWithdrawn("ghost"), after=facts.CardPushed),
    ),
    # -- 15 allocations (the rest in test_audit_shelves.py)
    ("from a shelf that is not there", 15, change(events.HoldPlaced, 0, shelf="tmall")),
    # -- 19 personalisation (the rest in test_audit_personal.py)
    (
        "charged for nothing",
        19,
        change(events.OrderPlaced, 0, lines=[OrderLine("h1", SANTOS, SANTOS, 1, 1, 1)]),
    ),
    # -- 14 coupons (the rest in test_audit_coupons.py)
    (
        "cheaper for no reason",
        14,
        change(events.OrderPlaced, 0, lines=[OrderLine("h1", SANTOS, SANTOS, 1, 2, 0, 1)]),
    ),
    (
        "a draft of what is sold already",
        0,
        put_in(
            events.DropDrafted(DropTerms(SANTOS, SANTOS, "Santos", 1, 1, "CNY")),
            after=events.DropOpened,
        ),
    ),
    (
        "a draft that was never there",
        0,
        put_in(events.DraftDiscarded("x"), after=facts.RoomStarted),
    ),
    (
        "a command of the desk that is done twice under its key",
        0,
        put_in(
            *[facts.DeskAnswered("k", "asked", "room.start", "{}", by="desk:host")] * 2,
            after=facts.RoomStarted,
        ),
    ),
    # -- 22 presales (the rest in test_audit_presale.py)
    ("a deposit for what is no presale", 22, change(events.OrderPlaced, 0, deposit_minor=1)),
    # -- 24 lotteries (the rest in test_audit_lottery.py)
    ("a seed for what is no lottery", 24, change(events.DropScheduled, 0, seed="00")),
]


@pytest.mark.parametrize(("rule", "forge"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED])
def test_a_planted_violation_is_found_and_named(honest: Log, rule: int, forge: Forge) -> None:
    verdict = audit_log(forge(honest))
    assert not verdict.clean
    assert rule in verdict.broken(), verdict.findings


def test_what_sold_out_while_paused_is_paused_again_in_every_book() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=1)
    payment_id = stage.pay("wang", stage.place("wang"))
    stage.desk(commands.DropPause(SANTOS))
    ok(stage.approve(payment_id))
    stage.desk(commands.DropRestock(SANTOS, 1))
    verdict = audit_log(stage.log)
    assert verdict.findings == []
    assert verdict.books.drops[0].status == "paused"
    assert stage.view.drops[SANTOS]["status"] == "paused"
    opened = put_in(events.DropOpened(SANTOS, "restock"), after=events.DropRestocked)
    forged = take_out(events.DropPaused, 1)(opened(stage.log))
    assert audit_log(forged).broken() == {0}, "nobody but the host may resume it"


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for _, rule, _ in PLANTED} == {check.rule.number for check in CHECKS}


def test_a_finding_says_where_and_what(honest: Log) -> None:
    forged = change(events.PaymentStarted, 0, amount_minor=1)(honest)
    r, f = place_of(forged, events.PaymentStarted)
    finding = next(found for found in audit_log(forged).findings if found.rule == 10)
    assert finding.record == forged[r][0]
    assert finding.seq == forged[r][0] - len(forged[r][1].facts) + 1 + f
    assert finding.fact == "payment.started"
    assert finding.name == "the price is the one of the hold"
    assert finding.sentence == (
        f"payment o1-p1 asks 1 CNY for order o1, of which {PRICE_MINOR} CNY is due"
    )


def test_any_single_fact_taken_out_of_an_evening_is_noticed(honest: Log) -> None:
    """Facts that only tell (cards, declines, levels shown) may go unnoticed; what moves a unit,
    money or a perk may not.
    """
    only_telling = (
        facts.CardPushed,
        events.StockShown,
        events.PaymentDeclined,
        events.RefundSettled,
        events.PaymentReturned,
        facts.RoomEnded,
        facts.RoomCreated,
    )
    for r, (_, record) in enumerate(honest):
        for f, fact in enumerate(record.facts):
            kept: list[Fact] = [other for place, other in enumerate(record.facts) if place != f]
            noticed = not audit_log(with_facts(honest, r, kept)).clean
            assert noticed or isinstance(fact, only_telling), fact


def test_a_log_that_is_broken_from_end_to_end_is_counted_and_kept_in_bounds() -> None:
    auditor = Auditor()
    for seq in range(1, 2_001):
        auditor.feed(seq, Record(1, 5, "0-0", [events.OrderPaid(f"o{seq}", "p", 9)]))
    verdict = auditor.verdict()
    assert len(verdict.findings) == 1_000
    assert verdict.found > 4_000


# -- what a log cannot show by itself ----------------------------------------------------------


def told(order_id: str, viewer: str, checkout_id: str, **other: object) -> Acknowledged:
    whole = Acknowledged(viewer, checkout_id, order_id, PRICE_MINOR, paid=True)
    return structs.replace(whole, **other)


def acknowledged(stage: Stage) -> list[Acknowledged]:
    """What each buyer of the evening was told."""
    return [
        Acknowledged(
            order.viewer,
            order.checkout_id,
            order.order_id,
            order.total_minor,
            order.status in ("paid", "refunded"),
        )
        for order in stage.room.state.books.orders.values()
    ]


def test_what_clients_were_told_is_compared_with_the_log() -> None:
    stage = evening()
    assert audit_log(stage.log, "evening", Evidence(acknowledged=acknowledged(stage))).clean


@pytest.mark.parametrize(
    "lie",
    [
        {"order_id": "o77"},
        {"checkout_id": "another"},
        {"viewer": "somebody"},
        {"total_minor": 1},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_an_acknowledgement_that_the_log_does_not_know_is_named(lie: dict[str, object]) -> None:
    stage = evening()
    evidence = acknowledged(stage)
    evidence[2] = structs.replace(evidence[2], **lie)
    assert audit_log(stage.log, "evening", Evidence(acknowledged=evidence)).broken() == {4}


def test_an_order_that_was_told_to_be_paid_must_be_paid() -> None:
    stage = Stage()
    stage.begin()
    stage.sell()
    stage.place("wang")
    (order,) = acknowledged(stage)
    assert audit_log(stage.log, "", Evidence(acknowledged=[order])).clean
    paid = structs.replace(order, paid=True)
    assert audit_log(stage.log, "", Evidence(acknowledged=[paid])).broken() == {4}


def test_money_that_the_provider_took_must_have_gone_somewhere() -> None:
    stage = Stage()
    stage.begin()
    stage.sell()
    payment_id = stage.pay("wang", stage.place("wang"))
    captured = [Captured(payment_id, PRICE_MINOR, "CNY")]
    assert audit_log(stage.log, "", Evidence(captured=captured)).broken() == {6}
    ok(stage.approve(payment_id))
    assert audit_log(stage.log, "", Evidence(captured=captured)).clean
    more = [Captured(payment_id, PRICE_MINOR + 1, "CNY")]
    assert audit_log(stage.log, "", Evidence(captured=more)).broken() == {6}
    never = [Captured("o9-p1", PRICE_MINOR, "CNY")]
    assert audit_log(stage.log, "", Evidence(captured=never)).broken() == {6}


def test_with_enough_demand_a_unit_left_over_is_undersold() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=2)
    stage.buy("wang")
    stage.desk(commands.RoomEnd())
    assert audit_log(stage.log).clean
    assert audit_log(stage.log, "", Evidence(demand_exceeded=True)).broken() == {2}


def test_with_enough_demand_and_everything_sold_it_is_clean() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=2)
    stage.buy("wang")
    stage.buy("li")
    stage.desk(commands.RoomEnd())
    assert audit_log(stage.log, "", Evidence(demand_exceeded=True)).clean


def test_while_a_hold_is_open_nothing_is_called_undersold() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=1)
    stage.add("wang")
    verdict = audit_log(stage.log, "", Evidence(demand_exceeded=True))
    assert verdict.clean
    assert "undersold not checked: 1 holds are open" in {line.note for line in verdict.rules}


# -- the snapshot ------------------------------------------------------------------------------


def snapshot(stage: Stage) -> RoomState:
    return wire.decode_state(wire.encode_state(stage.room.state), RoomState)


def test_a_snapshot_from_the_middle_of_the_log_is_compared_there() -> None:
    stage = Stage()
    stage.begin()
    stage.sell()
    stage.buy("wang")
    kept = snapshot(stage)
    stage.buy("li")
    verdict = audit_log(stage.log, "evening", Evidence(snapshot=kept))
    assert verdict.clean
    assert f"snapshot of seq {kept.seq} compared" in {line.note for line in verdict.rules}


def test_a_snapshot_that_is_not_the_fold_is_named() -> None:
    stage = evening()
    kept = snapshot(stage)
    kept.books.takings["CNY"][SANTOS]["tmall"].gross_minor += 1
    verdict = audit_log(stage.log, "evening", Evidence(snapshot=kept))
    assert verdict.broken() == {12}
    assert "books" in verdict.findings[0].sentence


def test_a_snapshot_beyond_the_log_is_named() -> None:
    stage = evening()
    kept = snapshot(stage)
    kept.seq += 1
    assert audit_log(stage.log, "evening", Evidence(snapshot=kept)).broken() == {12}


def test_a_snapshot_of_another_log_is_passed_over_as_an_engine_would() -> None:
    stage = evening()
    kept = snapshot(stage)
    kept.at_ms += 1
    verdict = audit_log(stage.log, "evening", Evidence(snapshot=kept))
    assert verdict.clean
    assert any("another log" in line.note for line in verdict.rules)


# -- what is told ------------------------------------------------------------------------------


def test_the_verdict_reads_as_tables(honest: Log) -> None:
    clean = audit_log(honest, "evening").to_text()
    assert "GMV CNY 144,000.00, refunded CNY 28,800.00, net CNY 115,200.00" in clean
    assert "never oversold" in clean
    assert "\nclean up to seq" in clean
    lying = audit_log(change(events.OrderPlaced, 0, total_minor=1)(honest), "evening").to_text()
    assert "NOT CLEAN" in lying
    told = "order o1 has a total of 1, its lines add up to 2880000 (rule 7, GMV to the fen)"
    assert told in " ".join(lying.split())


def test_the_verdict_reads_as_json(honest: Log) -> None:
    verdict = audit_log(honest, "evening")
    told = json.loads(verdict.to_json())
    assert (told["room"], told["clean"], told["findings"]) == ("evening", True, [])
    assert msgspec.json.decode(verdict.to_json(), type=Verdict) == verdict


# -- from Redis --------------------------------------------------------------------------------


async def keep(redis: aioredis.Redis, room: str, log: Log) -> None:
    for seq, record in log:
        await redis.xadd(keys.log(room), {b"r": wire.encode_record(record)}, id=f"{seq}-0")


async def test_a_room_is_audited_as_redis_has_it(
    redis: aioredis.Redis, room: str, honest: Log
) -> None:
    await keep(redis, room, honest)
    assert (await audit_room(redis, room)).clean


async def test_the_verdict_depends_on_the_log_alone(
    redis: aioredis.Redis, room: str, honest: Log
) -> None:
    """Whatever stands under the room's other keys, even what nobody could read."""
    await keep(redis, room, honest)
    for key in (keys.snapshot(room), keys.statement(room), keys.inbox(room), keys.ledger(room)):
        await redis.set(key, b"not what belongs here")
    assert (await audit_room(redis, room)).clean


async def test_the_engines_own_snapshot_is_compared_when_asked(
    redis: aioredis.Redis, room: str
) -> None:
    stage = Stage(room)
    stage.begin()
    await keep(redis, room, stage.log)
    await redis.set(keys.snapshot(room), wire.encode_state(stage.room.state))
    assert (await audit_room(redis, room, await evidence_beside(redis, room))).clean
    stage.room.state.title = "Another evening"
    await redis.set(keys.snapshot(room), wire.encode_state(stage.room.state))
    beside = await evidence_beside(redis, room)
    assert (await audit_room(redis, room, beside)).broken() == {12}


async def test_the_provider_s_own_account_is_evidence(redis: aioredis.Redis, room: str) -> None:
    stage = Stage(room)
    stage.begin()
    stage.sell()
    payment_id = stage.pay("wang", stage.place("wang"))
    await keep(redis, room, stage.log)
    captured = Movement(payment_id, "captured", Amount(PRICE_MINOR, "CNY"))
    async with redis.pipeline() as pipe:
        write_down(pipe, room, [captured])
        pipe.xadd(keys.inbox(room), {b"the approval": b"is under way"})
        await pipe.execute()
    beside = await evidence_beside(redis, room)
    assert (await audit_room(redis, room, beside)).clean, "its news may be on their way"
    await redis.xtrim(keys.inbox(room), maxlen=0)
    beside = await evidence_beside(redis, room)
    assert (await audit_room(redis, room, beside)).broken() == {6}, "the room has heard all"


async def test_a_record_that_cannot_be_read_is_a_finding(
    redis: aioredis.Redis, room: str, honest: Log
) -> None:
    await keep(redis, room, honest[:5])
    await redis.xadd(keys.log(room), {b"r": b"not a record"}, id="9999-0")
    verdict = await audit_room(redis, room)
    assert verdict.broken() == {0}
    assert "cannot be read" in verdict.findings[0].sentence


# -- whatever a log says -----------------------------------------------------------------------

FORGERIES = st.lists(
    st.tuples(
        st.sampled_from(["take out", "repeat", "move", "swap records"]),
        st.integers(0, 60),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=6,
)


@PROPERTY
@given(forgeries=FORGERIES)
def test_the_auditor_never_falls_over_a_forged_log(
    forgeries: list[tuple[str, int, int]],
) -> None:
    """Facts lost, doubled, and in another order: it says what is wrong and goes on to the end."""
    records = [record for _, record in HONEST]
    for forgery, here, there in forgeries:
        r, s = here % len(records), there % len(records)
        happened = list(records[r].facts)
        fact = happened[there % len(happened)]
        match forgery:
            case "take out" if len(happened) > 1:
                happened.remove(fact)
            case "repeat":
                happened.append(fact)
            case "move":
                other = structs.replace(records[s], facts=[*records[s].facts, fact])
                records[s] = other
            case "swap records":
                records[r], records[s] = records[s], records[r]
                continue
        records[r] = structs.replace(records[r], facts=happened)
    verdict = audit_log(numbered(records), "forged")
    assert verdict.books.facts == sum(len(record.facts) for record in records)
    assert verdict.to_text()
    assert verdict.to_json()


@PROPERTY
@given(happened=st.lists(instances(AnyFact), max_size=12))
def test_the_auditor_never_falls_over_a_log_of_nonsense(happened: list[AnyFact]) -> None:
    verdict = audit_log([(len(happened), Record(1, 5, "0-0", happened))], "nonsense")
    assert not verdict.clean
    assert verdict.to_text()
