"""Each invariant as a function of the log, and the list of books that they leave behind."""

import json

import pytest

from cart import events
from livestream import commands
from livestream.audit import INVARIANTS, audit_log
from livestream.audit.auditor import CHECKS
from livestream.audit.books import ListOfBooks
from tests.livestream.stage import PRICE_MINOR, SANTOS, Log, Stage
from tests.livestream.test_audit import HONEST, PLANTED, Forge, change, place_of, put_in


def books_of(log: Log) -> ListOfBooks:
    listed = audit_log(log, "evening", with_books=True).list_of_books
    assert listed is not None
    return listed


def test_every_rule_is_a_function_with_a_name_of_its_own() -> None:
    assert len(INVARIANTS) == len(CHECKS)
    assert {"never_oversold", "gmv_to_the_fen", "books_balance"} < INVARIANTS.keys()


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_finds_nothing_in_an_honest_evening(name: str) -> None:
    assert INVARIANTS[name](HONEST) == []


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_finds_what_breaks_it_and_tells_of_nothing_else(name: str) -> None:
    check = next(check for check in CHECKS if _name(check.__name__) == name)
    number = check.rule.number
    forge: Forge = next(forge for _, rule, forge in PLANTED if rule == number)
    findings = INVARIANTS[name](forge(HONEST))
    assert findings
    assert {finding.rule for finding in findings} == {number}


def _name(kind: str) -> str:
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)
    return words.removeprefix("_")


def test_a_finding_names_the_record_that_broke_the_rule() -> None:
    forged = change(events.OrderPlaced, 0, total_minor=1)(HONEST)
    seq, _ = forged[place_of(forged, events.OrderPlaced)[0]]
    (finding,) = INVARIANTS["gmv_to_the_fen"](forged)[:1]
    assert finding.record == seq
    assert finding.told() == (
        f"record {seq}-0, seq {finding.seq}, order.placed: order o1 has a total of 1, "
        f"its lines add up to {PRICE_MINOR} (rule 7, GMV to the fen)"
    )


# -- the list of books -------------------------------------------------------------------------


def test_the_units_of_each_product_stand_in_one_account_each() -> None:
    santos, ring = books_of(HONEST).products
    assert (santos.supply, santos.sold, santos.withdrawn, santos.held) == (4, 4, 0, 0)
    assert (ring.supply, ring.sold, ring.withdrawn, ring.available) == (6, 2, 4, 0)
    assert santos.balances()
    assert ring.balances()


def test_a_product_that_two_drops_sold_has_one_book() -> None:
    stage = Stage()
    stage.begin()
    stage.sell("first", sku=SANTOS, supply=3)
    stage.buy("wang")
    stage.desk(commands.DropClose("first"))
    stage.sell("second", sku=SANTOS, supply=2)
    (book,) = books_of(stage.log).products
    assert (book.supply, book.sold, book.withdrawn, book.available) == (5, 1, 2, 2)


def test_the_money_of_each_order_stands_in_one_account_each() -> None:
    orders = {book.order_id: book for book in books_of(HONEST).orders}
    refunded, late, twice = orders["o1"], orders["o2"], orders["o4"]
    assert (refunded.captured, refunded.refunded, refunded.kept) == (PRICE_MINOR, PRICE_MINOR, 0)
    assert (late.lapsed, late.captured, late.kept) == (0, PRICE_MINOR, PRICE_MINOR)
    assert (twice.captured, twice.returned, twice.kept) == (
        2 * PRICE_MINOR,
        PRICE_MINOR,
        PRICE_MINOR,
    )
    assert all(book.balances() for book in orders.values())


def test_an_order_that_nobody_pays_is_receivable_and_then_lapsed() -> None:
    stage = Stage()
    stage.begin()
    stage.sell()
    stage.place("wang")
    assert [book.receivable for book in books_of(stage.log).orders] == [PRICE_MINOR]
    stage.wait(300_000)
    (book,) = books_of(stage.log).orders
    assert (book.receivable, book.lapsed, book.captured) == (0, PRICE_MINOR, 0)


def test_the_totals_are_the_gmv() -> None:
    verdict = audit_log(HONEST, "evening", with_books=True)
    assert verdict.list_of_books is not None
    kept = {book.currency: book.kept for book in verdict.list_of_books.totals}
    assert kept == {line.currency: line.net_minor for line in verdict.books.money}


def test_the_books_read_as_tables_and_as_json() -> None:
    verdict = audit_log(HONEST, "evening", with_books=True)
    text = verdict.to_text()
    assert "santos 4 0 0 4 0 balances" in " ".join(text.replace("│", " ").split())
    assert "all CNY" in text
    assert "DOES NOT BALANCE" not in text
    told = json.loads(verdict.to_json())["list_of_books"]
    assert [book["sku"] for book in told["products"]] == ["santos", "ring"]
    forged = put_in(
        events.OrderRefunded("o2", "o2-p1", PRICE_MINOR + 1, False, "o2-p1-r1"),
        after=events.RefundSettled,
    )(HONEST)
    assert "DOES NOT BALANCE" in audit_log(forged, "", with_books=True).to_text()


def test_the_list_is_left_out_unless_it_is_asked_for() -> None:
    assert audit_log(HONEST).list_of_books is None
