"""The export: every order of the log is there, it adds up, and all three forms say the same."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cart.refund import Units
from livestream import commands, messages
from livestream.audit import audit_log
from livestream.export import FORMATS, TABLES, Exporter, Format, NoParquetError, write_files
from livestream.export.tables import Table
from tests.livestream.presales import DEPOSIT_MINOR, HOUR_MS, deposit, presale_stage
from tests.livestream.stage import PRICE_MINOR, SANTOS, Stage, ok

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def stage() -> Stage:
    """o1 paid and given back in two parts and whole, o2 paid in part back, o3 expired, o4 waits."""
    stage = Stage("evening")
    stage.begin()
    stage.sell(SANTOS, supply=9, limit=3)
    stage.buy("wang", SANTOS, 3)
    stage.wait(1_000)
    units = [Units(SANTOS, 1)]
    ok(stage.desk(commands.OrderRefund("o1", True, units, request_id="=one")))
    ok(stage.provider(commands.RefundSettled("o1-p1")))
    ok(stage.desk(commands.OrderRefund("o1", False)))
    stage.buy("li", channel="wechat")
    ok(stage.desk(commands.OrderRefund("o2", amount_minor=88, request_id="two")))
    declined = stage.pay("zhao", stage.place("zhao"))
    stage.provider(commands.PaymentDeclined(declined, "no cover"))
    stage.wait(400_000)
    stage.ask("qian", messages.CartAdd("a", SANTOS))
    stage.check_out("qian", "co")
    return stage


@pytest.fixture(scope="module")
def exporter(stage: Stage) -> Exporter:
    exporter = Exporter("evening")
    for seq, record in stage.log:
        exporter.feed(seq, record)
    return exporter


def rows(exporter: Exporter, table: Table) -> Rows:
    return list(exporter.rows(table))


def test_every_order_is_there_with_its_times(exporter: Exporter) -> None:
    orders = rows(exporter, "orders")
    assert [(o["order_id"], o["status"]) for o in orders] == [
        ("o1", "refunded"),
        ("o2", "paid"),
        ("o3", "expired"),
        ("o4", "placed"),
    ]
    assert orders[1]["refunded_minor"] == 88
    assert orders[1]["paid_at_ms"] == orders[1]["placed_at_ms"]
    assert (orders[3]["paid_at_ms"], orders[3]["paid_seq"]) == (None, None)


def test_it_adds_up_and_agrees_with_the_auditor(exporter: Exporter, stage: Stage) -> None:
    (money,) = audit_log(stage.log).books.money
    sold = [o for o in rows(exporter, "orders") if o["paid_seq"]]
    assert sum(o["total_minor"] for o in sold) == money.gross_minor
    assert sum(o["refunded_minor"] for o in sold) == money.refunded_minor
    lines, refunds = rows(exporter, "lines"), rows(exporter, "refunds")
    for order in rows(exporter, "orders"):
        mine = [line for line in lines if line["order_id"] == order["order_id"]]
        back = [refund for refund in refunds if refund["order_id"] == order["order_id"]]
        assert sum(line["total_minor"] for line in mine) == order["total_minor"]
        assert sum(line["refunded_minor"] for line in mine) == order["refunded_minor"]
        assert sum(refund["amount_minor"] for refund in back) == order["refunded_minor"]
    assert sum(line["units_back"] for line in lines) == money.units_refunded


def test_refunds_and_payments_have_their_own_rows(exporter: Exporter) -> None:
    refunds = rows(exporter, "refunds")
    assert [(r["refund_id"], r["units"], r["restocked"], r["amount_minor"]) for r in refunds] == [
        ("o1-p1-r1", 1, True, PRICE_MINOR),
        ("o1-p1-r2", 2, False, 2 * PRICE_MINOR),
        ("o2-p1-r1", 0, True, 88),
    ]
    assert [r["settled_at_ms"] is None for r in refunds] == [False, True, True]
    payments = rows(exporter, "payments")
    assert [(p["payment_id"], p["status"], p["pays_order"]) for p in payments] == [
        ("o1-p1", "refunding", True),
        ("o2-p1", "confirmed", True),
        ("o3-p1", "declined", False),
    ]
    assert "tok_approve" not in str(payments)


def test_a_presale_shows_both_payments_and_when_a_deposit_went_back() -> None:
    stage, presale = presale_stage(on_default="refund")
    order_id = deposit(stage, "wang")
    deposit(stage, "li")
    stage.wait(2 * HOUR_MS)
    ok(stage.approve(stage.pay("wang", order_id)))
    stage.wait(HOUR_MS)
    exporter = Exporter("evening")
    for seq, record in stage.log:
        exporter.feed(seq, record)
    payments = rows(exporter, "payments")
    assert [(p["order_id"], p["part"], p["pays_order"]) for p in payments] == [
        ("o1", "deposit", True),
        ("o2", "deposit", False),
        ("o1", "balance", True),
    ]
    assert sum(p["amount_minor"] for p in payments if p["pays_order"]) == PRICE_MINOR
    (back,) = rows(exporter, "refunds")
    assert (back["order_id"], back["amount_minor"]) == ("o2", DEPOSIT_MINOR)
    assert back["made_at_ms"] == presale.balance_until_ms


def test_rows_have_the_declared_columns_in_their_order(exporter: Exporter) -> None:
    for table, columns in TABLES.items():
        for row in exporter.rows(table):
            assert list(row) == list(columns)
            for name, kind in columns.items():
                assert row[name] is None or type(row[name]) is kind, name


def read_back(path: Path, form: Format) -> Rows:
    if form == "ndjson":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if form == "parquet":
        from pyarrow import parquet

        table: Rows = parquet.read_table(path).to_pylist()
        return table
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def as_csv(rows: Rows) -> Rows:
    def cell(value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        return "" if value is None else str(value).replace("=one", "'=one")

    return [{name: cell(value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("form", FORMATS)
def test_the_files_say_the_same(exporter: Exporter, tmp_path: Path, form: Format) -> None:
    paths = write_files(exporter, "evening", tmp_path / "new", form)
    assert [path.name for path in paths] == [f"evening.{table}.{form}" for table in TABLES]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in paths
    )
    for path, table in zip(paths, TABLES, strict=True):
        expected = rows(exporter, table)
        assert read_back(path, form) == (as_csv(expected) if form == "csv" else expected)


def test_without_its_library_parquet_says_what_to_install(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NoParquetError, match="pip install"):
        write_files(exporter, "evening", tmp_path / "out", "parquet")
    assert not (tmp_path / "out").exists()
