"""The report after the show says what was sold, and adds up to what the auditor says."""

import json

import msgspec
import pytest
from redis import asyncio as aioredis

from cart.perk import PerkTerms
from livestream import commands, keys, wire
from livestream.audit import audit_log
from livestream.report import Report, TakingsReport, report_of, report_room
from tests.livestream.stage import PRICE_MINOR, SANTOS, START_MS, Stage, ok


@pytest.fixture(scope="module")
def stage() -> Stage:
    """Two drops, one sold out; two channels; a decline, a refund, a hold that ran out."""
    stage = Stage("evening")
    stage.begin("An evening in Paris")
    stage.schedule(
        SANTOS, supply=3, opens_at_ms=START_MS + 5_000, perk=PerkTerms("bellboy", 2, "pass")
    )
    stage.sell("ring", supply=5, limit=5, price_minor=500_000)
    stage.wait(5_000)
    for viewer, channel in (("wang", "tmall"), ("li", "wechat"), ("zhao", "tmall")):
        stage.wait(1_000)
        stage.buy(viewer, channel=channel)
    stage.desk(commands.OrderRefund("o1", restock=False))
    stage.add("wu", "ring")
    declined = stage.pay("sun", stage.place("sun", "ring", 2, channel="wechat"))
    stage.provider(commands.PaymentDeclined(declined, "no cover"))
    stage.wait(120_000)
    ok(stage.approve(declined))
    stage.desk(commands.RoomEnd())
    return stage


@pytest.fixture(scope="module")
def report(stage: Stage) -> Report:
    return report_of("evening", stage.log)


def test_it_tells_when_the_show_was_and_how_long(report: Report) -> None:
    assert (report.room, report.title, report.status) == ("evening", "An evening in Paris", "ended")
    assert report.started_at_ms == START_MS
    assert report.duration_ms == 5_000 + 3_000 + 120_000
    assert report.ended_at_ms == START_MS + report.duration_ms


def test_it_tells_of_each_drop_what_became_of_its_units(report: Report) -> None:
    santos, ring = report.drops
    assert (santos.supply, santos.sold, santos.withdrawn) == (3, 2, 1)
    assert (ring.supply, ring.sold, ring.withdrawn) == (5, 2, 3)
    assert (ring.holds_placed, ring.holds_expired) == (2, 1)
    assert (santos.status, ring.status) == ("closed", "closed")


def test_it_tells_how_fast_a_drop_sold_out(report: Report) -> None:
    santos, ring = report.drops
    assert santos.opened_at_ms == START_MS + 5_000
    assert santos.sold_out_after_ms == 3_000
    assert santos.sold_out_at_ms == START_MS + 8_000
    assert (ring.sold_out_at_ms, ring.sold_out_after_ms) == (None, None)


def test_it_names_who_has_the_perk(report: Report) -> None:
    perk = report.drops[0].perk
    assert perk is not None
    assert (perk.name, perk.first_n, perk.on_refund) == ("bellboy", 2, "pass")
    assert [(winner.rank, winner.order_id) for winner in perk.winners] == [(1, "o3"), (2, "o2")]
    assert report.drops[1].perk is None


def test_it_counts_orders_and_payments_as_they_stand(report: Report) -> None:
    assert report.orders == {"placed": 0, "paid": 3, "expired": 0, "refunded": 1}
    assert (report.payments_declined, report.payments_returned, report.refunds_owed) == (1, 0, 1)
    assert report.first_order_at_ms == START_MS + 6_000
    assert report.last_order_at_ms == START_MS + 8_000


def test_it_adds_the_takings_up_by_currency_product_and_channel(report: Report) -> None:
    def rows(takings: list[TakingsReport]) -> list[tuple[object, ...]]:
        return [msgspec.structs.astuple(row) for row in takings]

    santos, ring = 3 * PRICE_MINOR, 1_000_000
    assert rows(report.gmv) == [
        ("CNY", "", santos + ring, PRICE_MINOR, santos + ring - PRICE_MINOR, 5, 1)
    ]
    assert rows(report.by_product) == [
        ("CNY", "ring", ring, 0, ring, 2, 0),
        ("CNY", SANTOS, santos, PRICE_MINOR, santos - PRICE_MINOR, 3, 1),
    ]
    assert rows(report.by_channel) == [
        ("CNY", "tmall", 2 * PRICE_MINOR, PRICE_MINOR, PRICE_MINOR, 2, 1),
        ("CNY", "wechat", PRICE_MINOR + ring, 0, PRICE_MINOR + ring, 3, 0),
    ]


def test_it_comes_to_the_same_sums_as_the_auditor(stage: Stage, report: Report) -> None:
    books = audit_log(stage.log).books
    assert [(m.currency, m.gross_minor, m.refunded_minor) for m in books.money] == [
        (row.currency, row.gross_minor, row.refunded_minor) for row in report.gmv
    ]
    assert [(d.drop_id, d.sold, d.withdrawn) for d in books.drops] == [
        (d.drop_id, d.sold, d.withdrawn) for d in report.drops
    ]


def test_a_room_that_has_not_begun_has_an_empty_report() -> None:
    stage = Stage("quiet")
    stage.take_over()
    ok(stage.desk(commands.RoomCreate("Soon")))
    report = report_of("quiet", stage.log)
    assert (report.status, report.duration_ms, report.drops, report.gmv) == (
        "created",
        None,
        [],
        [],
    )
    assert "Soon (created)" in report.to_text()


def test_a_show_that_goes_on_lasts_until_now() -> None:
    stage = Stage()
    stage.begin()
    stage.wait(30_000)
    stage.put_card()
    report = report_of("evening", stage.log)
    assert (report.status, report.duration_ms, report.ended_at_ms) == ("live", 30_000, None)


def test_it_reads_as_json(report: Report) -> None:
    assert json.loads(report.to_json())["gmv"][0]["net_minor"] == 2 * PRICE_MINOR + 1_000_000
    assert msgspec.json.decode(report.to_json(), type=Report) == report


def test_it_reads_as_tables(report: Report) -> None:
    text = report.to_text()
    assert (
        "An evening in Paris (ended, began 2023-11-14 22:13:20+00:00, lasted 2 min 8.0 s)" in text
    )
    assert "bellboy: 2 of the first 2 orders of Santos (o3, o2)" in text
    assert "CNY 96,400.00" in text, "gross of everything"


async def test_a_room_is_reported_as_redis_has_it(
    redis: aioredis.Redis, room: str, stage: Stage, report: Report
) -> None:
    for seq, record in stage.log:
        await redis.xadd(keys.log(room), {b"r": wire.encode_record(record)}, id=f"{seq}-0")
    told = await report_room(redis, room)
    assert msgspec.structs.replace(told, room="evening") == report
