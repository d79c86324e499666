"""The report on a terminal, and as JSON."""

import json

import msgspec

from livestream import commands
from livestream.report import Report, json_of, report_of, text_of
from livestream.report.words import seconds, span
from tests.livestream.stage import PRICE_MINOR, Stage


def test_it_reads_as_tables(report: Report) -> None:
    text = text_of(report)
    assert "An evening in Paris (ended, began 2023-11-14 22:13:20 UTC, lasted 2 min 8.0 s)" in text
    assert "Bellboy: 2 of the first 2 orders of Santos (o3, o2)" in text
    assert "CNY 96,400.00" in text, "gross of everything"
    assert "first order 0:06 into the show, the last 2.0 s after it" in text
    assert "the audience was not counted" in text
    assert "everything that was compared agrees" in text


def test_it_tells_of_the_audience_where_there_was_one(whole: Report) -> None:
    text = text_of(whole)
    assert "viewers: about 72 saw, 5 had one in the cart, 4 ordered, 4 paid" in text
    assert "at most 105 at once; 100 joins; watched 50.0 s on average" in text
    assert "chat: 15 lines, 8 shown, 1 left out; 99 likes" in text
    assert "3.8 %" in text, "the rate of tmall"


def test_a_room_that_has_not_begun_can_be_told_of() -> None:
    stage = Stage("quiet")
    stage.take_over()
    stage.desk(commands.RoomCreate("Soon"))
    assert "Soon (created)" in text_of(report_of("quiet", stage.log))


def test_it_reads_as_json(whole: Report) -> None:
    assert json.loads(json_of(whole))["gmv"][0]["net_minor"] == 2 * PRICE_MINOR + 1_000_000
    assert msgspec.json.decode(json_of(whole), type=Report) == whole


def test_spans_are_told_as_people_do() -> None:
    assert [seconds(ms) for ms in (400, 42_000, 128_000, 3_728_000)] == [
        "0.4 s",
        "42.0 s",
        "2 min 8.0 s",
        "1 h 2 min 8.0 s",
    ]
    assert span(None) == "–"
