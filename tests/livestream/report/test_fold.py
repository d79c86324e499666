"""The fold of the log says what was sold, and adds up to what the auditor says."""

import re

import msgspec

from cart.perk import PerkTerms
from cart.rules import RoomRules
from livestream import commands
from livestream.audit import audit_log
from livestream.report import Report, TakingsReport, csv_of, html_of, report_of, text_of, timeline
from livestream.report.figures import CouponReport
from tests.livestream.stage import PRICE_MINOR, SANTOS, START_MS, Stage, ok


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
    (perk,) = report.drops[0].perks
    assert (perk.name, perk.first_n, perk.on_refund) == ("Bellboy", 2, "pass")
    assert [(winner.rank, winner.order_id) for winner in perk.winners] == [(1, "o3"), (2, "o2")]
    assert report.drops[1].perks == []


def test_it_counts_orders_and_payments_as_they_stand(report: Report) -> None:
    stand = {status: number for status, number in report.orders.items() if number}
    assert stand == {"paid": 3, "refunded": 1}
    assert report.orders_by_channel == {
        "tmall": {"paid": 1, "refunded": 1},
        "wechat": {"paid": 2},
    }
    assert (report.payments_declined, report.payments_returned, report.refunds_owed) == (1, 0, 1)
    assert report.first_order_at_ms == START_MS + 6_000
    assert report.last_order_at_ms == START_MS + 8_000


def test_it_adds_the_takings_up_by_currency_product_and_channel(report: Report) -> None:
    def rows(takings: list[TakingsReport]) -> list[tuple[object, ...]]:
        return [msgspec.structs.astuple(row)[:7] for row in takings]

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
    assert (report.timeline, report.marks) == (None, [])
    assert report.reconciliation.agrees, "nothing is nothing everywhere"


def test_a_show_that_goes_on_lasts_until_now() -> None:
    stage = Stage()
    stage.begin()
    stage.wait(30_000)
    stage.put_card()
    report = report_of("evening", stage.log)
    assert (report.status, report.duration_ms, report.ended_at_ms) == ("live", 30_000, None)


def test_it_tells_when_the_last_unit_went_into_a_cart(report: Report) -> None:
    santos, ring = report.drops
    assert santos.all_held_after_ms == 3_000
    assert ring.all_held_after_ms is None, "there was always one left"


def test_the_funnel_counts_viewers_and_not_what_they_did(stage: Stage) -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=50, limit=50)
    for _ in range(3):
        stage.buy("anna")
    stage.place("bob")
    stage.place("bob")
    stage.add("eve")
    funnel = report_of("evening", stage.log).funnel
    assert (funnel.saw, funnel.cart, funnel.checkout, funnel.paid) == (None, 3, 2, 1)


def test_it_tells_from_when_to_when_orders_came_and_were_paid() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=9)
    for viewer in ("anna", "bob", "eve"):
        stage.wait(1_000)
        order_id = stage.place(viewer)
        stage.wait(500)
        ok(stage.approve(stage.pay(viewer, order_id)))
    report = report_of("evening", stage.log)
    assert report.first_order_at_ms == START_MS + 1_000
    assert report.last_order_at_ms == START_MS + 4_000
    assert report.first_paid_at_ms == START_MS + 1_500
    assert report.last_paid_at_ms == START_MS + 4_500


def test_the_run_of_the_show_has_cards_and_drops_and_takeovers() -> None:
    stage = Stage()
    stage.begin("An evening")
    stage.put_card("c1", title="Santos")
    stage.desk(commands.CardPin("c1"))
    stage.desk(commands.CardPin(None))
    stage.sell(supply=1)
    stage.buy("anna")
    stage.restart()
    stage.desk(commands.RoomEnd())
    marks = report_of("evening", stage.log).marks
    assert [(mark.kind, mark.title) for mark in marks] == [
        ("room.started", "An evening"),
        ("card.pushed", "Santos"),
        ("card.pinned", "Santos"),
        ("drop.opened", "Santos"),
        ("drop.sold_out", "Santos"),
        ("epoch.started", "engine-2"),
        ("drop.closed", "Santos"),
        ("room.ended", "An evening"),
    ]


def test_a_room_that_is_never_closed_has_marks_within_bounds() -> None:
    stage = Stage()
    stage.begin()
    stage.put_card("c1")
    for _ in range(timeline.MARKS_MAX):
        stage.desk(commands.CardPin("c1"))
        stage.desk(commands.CardPin(None))
    report = report_of("evening", stage.log)
    assert len(report.marks) == timeline.MARKS_MAX
    assert report.marks_left_out == 2  # the start and the card came first


def test_it_tells_of_perks_of_the_room_and_of_coupons() -> None:
    stage = Stage()
    stage.begin()
    gift = PerkTerms("gift", "A gift", 2, "pass")
    stage.desk(commands.RulesSet(RoomRules(perks=[gift])))
    ok(stage.put_coupon("MAISON", supply=5, per_viewer=5, percent_bp=1_000))
    ok(stage.put_coupon("NOBODY", supply=1, amount_minor=1, currency="CNY"))
    stage.sell(supply=5, price_minor=1_000)
    stage.sell("ring", supply=5, price_minor=77, currency="EUR", limit=2)
    first = stage.buy("wang", coupon="MAISON")
    stage.buy("li", "ring", coupon="MAISON")
    stage.buy("zhao")
    stage.desk(commands.OrderRefund(first))
    stage.place("wu", coupon="MAISON")
    report = report_of("evening", stage.log)
    (perk,) = report.perks
    assert (perk.perk_id, [winner.order_id for winner in perk.winners]) == ("gift", ["o3", "o2"])
    assert report.coupons == [
        CouponReport("MAISON", 5, held=1, redeemed=2, discount_minor={"CNY": 100, "EUR": 7}),
        CouponReport("NOBODY", 1, held=0, redeemed=0, discount_minor={}),
    ]
    text = text_of(report)
    assert "A gift: 2 of the first 2 orders of the room (o3, o2)" in text
    assert re.search(r"MAISON[ │]+5[ │]+1[ │]+2[ │]+CNY 1.00, EUR 0.07", text)
    page = html_of(report)
    assert "A gift: 2 of the first 2 of the room" in page
    assert "CNY 1.00, EUR 0.07" in page
    rows = csv_of(report).splitlines()
    assert "coupon,MAISON,taken_off,EUR minor,7" in rows
    assert "perk,(room) gift,o3,rank,1" in rows
