"""The CSV: a figure a row, the same figures as in the JSON, safe in a spreadsheet."""

import csv
import io

from livestream import commands
from livestream.report import Report, csv_of, report_of
from tests.livestream.stage import PRICE_MINOR, Stage


def rows_of(report: Report) -> list[dict[str, str]]:
    text = csv_of(report)
    assert text.startswith("\ufeff"), "or Excel garbles Chinese titles"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def values(report: Report, part: str, item: str, figure: str) -> list[str]:
    return [
        row["value"]
        for row in rows_of(report)
        if (row["part"], row["item"], row["figure"]) == (part, item, figure)
    ]


def test_it_has_the_figures_of_the_report(whole: Report) -> None:
    net = 2 * PRICE_MINOR + 1_000_000
    assert values(whole, "takings", "CNY", "net_minor") == [str(net)]
    assert values(whole, "drop", "santos", "sold_out_after_ms") == ["3000"]
    assert values(whole, "funnel", "saw", "viewers") == ["72"]
    assert values(whole, "audience", "", "peak") == ["105"]
    assert values(whole, "channel", "tmall", "joined") == ["60"]
    assert values(whole, "fairness by gateway", "g-1", "wins") == ["3"]
    assert values(whole, "perk", "santos bellboy", "o3") == ["1"]
    assert values(whole, "reconciliation", "net CNY", "payments") == [str(net)]
    assert values(whole, "reconciliation", "net CNY", "agrees") == ["1"]


def test_its_steps_add_up(whole: Report) -> None:
    steps = [row for row in rows_of(whole) if row["part"] == "step"]
    gross = sum(int(row["value"]) for row in steps if row["figure"] == "gross")
    assert gross == whole.gmv[0].gross_minor
    assert steps[0]["item"] == "2023-11-14T22:13:20+00:00"


def test_what_was_not_recorded_has_no_row(report: Report) -> None:
    assert all(row["value"] != "" for row in rows_of(report))
    assert "audience" not in {row["part"] for row in rows_of(report)}


def test_every_row_has_the_columns_of_the_header(whole: Report) -> None:
    lines = list(csv.reader(io.StringIO(csv_of(whole), newline="")))
    assert {len(line) for line in lines} == {5}
    assert csv_of(whole).endswith("\r\n"), "RFC 4180"


def test_a_title_is_no_formula() -> None:
    stage = Stage()
    stage.begin('=HYPERLINK("https://evil.example")')
    stage.put_card("c1", title="+1+1")
    stage.put_card("c2", title="小王, “quoted”\nand broken")
    stage.desk(commands.RoomEnd())
    report = report_of("evening", stage.log)
    assert values(report, "show", "evening", "title") == ['\'=HYPERLINK("https://evil.example")']
    assert values(report, "mark", "2", "title") == ["'+1+1"]
    assert values(report, "mark", "3", "title") == ["小王, “quoted”\nand broken"]
