"""The ledger's numbers arrive in a scrape to the fen, with labels that cannot grow without end."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from metrics import ledger as ledger_metrics
from metrics.catalog import OTHER, BoundedLabel
from metrics.exposition import render
from metrics.ledger import Ledger, RoomNames, families, inbox_family
from tests.metrics.ledgers import a_drop, a_ledger, a_row


@pytest.fixture(autouse=True)
def _labels_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_metrics, "room_label", RoomNames(64))
    monkeypatch.setattr(ledger_metrics, "channel_label", BoundedLabel(32))


def samples_of(
    *ledgers: Ledger, name: str, inboxes: dict[str, int] | None = None
) -> dict[tuple[str, ...], float]:
    """The samples called `name` in a scrape, by the values of their labels in alphabetical order of
    the labels' names."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(render(ledgers, inboxes).decode()):
        for sample in family.samples:
            if sample.name == name:
                found[_values(sample)] = sample.value
    return found


def _values(sample: Sample) -> tuple[str, ...]:
    return tuple(value for _, value in sorted(sample.labels.items()))


def test_gmv_is_told_by_currency_and_channel_to_the_fen() -> None:
    odd_fen = a_ledger("r", takings=[a_row("tmall", 123_456_789_012_345, 0)])
    assert samples_of(odd_fen, name="livestream_gmv_minor_total") == {
        ("tmall", "CNY", "r"): 123_456_789_012_345
    }


def test_gmv_of_all_products_of_a_channel_is_added_up() -> None:
    two = a_ledger("r", takings=[a_row("tmall", 100, 10), a_row("tmall", 23, 1, sku="s2")])
    assert samples_of(two, name="livestream_gmv_minor_total") == {("tmall", "CNY", "r"): 123}
    assert samples_of(two, name="livestream_gmv_refunded_minor_total") == {
        ("tmall", "CNY", "r"): 11
    }


def test_a_room_is_created_or_live_or_ended() -> None:
    assert samples_of(a_ledger("r", status="live"), name="livestream_room_status") == {
        ("r", "created"): 0,
        ("r", "live"): 1,
        ("r", "ended"): 0,
    }


def test_orders_are_counted_by_what_became_of_them() -> None:
    assert samples_of(a_ledger("r"), name="livestream_orders_total") == {
        ("r", "placed"): 7,
        ("r", "deposited"): 2,
        ("r", "cancelled"): 0,
        ("r", "paid"): 3,
        ("r", "refunded"): 1,
    }
    assert samples_of(a_ledger("r"), name="livestream_orders_open") == {("r",): 2}
    assert samples_of(a_ledger("r"), name="livestream_orders_expired") == {("r",): 1}
    assert samples_of(a_ledger("r"), name="livestream_orders_defaulted") == {("r",): 1}


def test_deposits_are_told_by_what_became_of_them() -> None:
    told = samples_of(
        a_ledger("r", takings=[a_row("tmall", 0, 0)]), name="livestream_deposits_minor"
    )
    assert told == {
        ("applied", "tmall", "CNY", "r"): 500,
        ("forfeited", "tmall", "CNY", "r"): 300,
        ("refunded", "tmall", "CNY", "r"): 150,
        ("waiting", "tmall", "CNY", "r"): 50,
    }


def test_stock_by_state_adds_up_to_what_was_supplied() -> None:
    units = samples_of(a_ledger("r"), name="livestream_stock_units")
    assert units == {
        ("santos", "r", "available"): 281,
        ("santos", "r", "held"): 3,
        ("santos", "r", "sold"): 3,
        ("santos", "r", "withdrawn"): 1,
    }
    supplied = samples_of(a_ledger("r"), name="livestream_stock_supplied_units")
    assert sum(units.values()) == supplied["santos", "r"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("livestream_viewers", 300),
        ("livestream_viewers_peak", 412),
        ("livestream_viewers_unique", 450),
        ("livestream_likes_total", 9_001),
        ("livestream_holds_placed_total", 8),
        ("livestream_holds_open", 3),
        ("livestream_log_seq", 900),
    ],
)
def test_a_number_of_the_room(name: str, value: int) -> None:
    assert samples_of(a_ledger("r"), name=name) == {("r",): value}


def test_perks_of_the_room_and_redemptions_of_coupons_are_counted() -> None:
    assert samples_of(a_ledger("r"), name="livestream_room_perks_awarded") == {("r",): 2}
    assert samples_of(a_ledger("r"), name="livestream_coupon_redemptions") == {
        ("r", "held"): 1,
        ("r", "redeemed"): 3,
    }


def test_perks_are_counted_by_drop() -> None:
    assert samples_of(a_ledger("r"), name="livestream_perks_awarded") == {("santos", "r"): 3}


def test_the_age_of_a_ledger_tells_when_a_room_has_no_owner() -> None:
    ages = [
        sample.value
        for family in families([a_ledger("r", at_ms=10_000)], now_ms=17_500)
        for sample in family.samples
        if sample.name == "livestream_ledger_age_seconds"
    ]
    assert ages == [7.5]


def test_a_rehearsal_sells_nothing() -> None:
    ledgers = [a_ledger("evening"), a_ledger("rehearsal", sandbox=True)]
    assert samples_of(*ledgers, name="livestream_log_seq") == {("evening",): 900}


def test_rooms_beyond_the_bound_are_added_up_under_one_label(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_metrics, "room_label", RoomNames(1))
    rooms = [a_ledger("a"), a_ledger("b", drops=[a_drop("x")]), a_ledger("c", drops=[a_drop("y")])]
    assert samples_of(*rooms, name="livestream_viewers") == {("a",): 300, ("other",): 600}
    assert samples_of(*rooms, name="livestream_viewers_peak") == {("a",): 412, ("other",): 412}
    assert samples_of(*rooms, name="livestream_stock_supplied_units") == {
        ("santos", "a"): 288,
        ("other", "other"): 576,
    }


def test_a_room_at_rest_keeps_its_numbers_and_has_no_age() -> None:
    rooms = [a_ledger("on", at_ms=1), a_ledger("over", at_ms=1, resting=True)]
    assert samples_of(*rooms, name="livestream_viewers_peak") == {("on",): 412, ("over",): 412}
    assert samples_of(*rooms, name="livestream_ledger_age_seconds").keys() == {("on",)}


def test_rooms_at_rest_make_place_for_those_that_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_metrics, "room_label", RoomNames(2))

    def named(*ledgers: Ledger) -> set[str]:
        return {room for (room,) in samples_of(*ledgers, name="livestream_viewers")} - {OTHER}

    over = [a_ledger(f"over-{number}", at_ms=number, resting=True) for number in range(5)]
    assert named(*over) == {"over-4", "over-3"}, "the latest of them"
    assert named(*over, a_ledger("m")) == {"m", "over-4"}
    assert named(*over, a_ledger("m"), a_ledger("n")) == {"m", "n"}
    assert named(*over, a_ledger("a"), a_ledger("m"), a_ledger("n")) == {"m", "n"}, "kept"
    told = samples_of(*over, a_ledger("m"), name="livestream_gmv_minor_total")
    assert sum(told.values()) == 6 * sum(row["gross_minor"] for row in a_ledger("m")["takings"])


def test_channels_beyond_the_bound_are_added_up_under_one_label(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_metrics, "channel_label", BoundedLabel(1))
    rows = [a_row("tmall", 5, 0), a_row("invented-1", 7, 0), a_row("invented-2", 11, 0)]
    assert samples_of(a_ledger("r", takings=rows), name="livestream_gmv_minor_total") == {
        ("tmall", "CNY", "r"): 5,
        ("other", "CNY", "r"): 18,
    }


def test_what_waits_in_the_inboxes_is_told_also_without_a_ledger() -> None:
    assert samples_of(name="livestream_inbox_entries", inboxes={"r": 3, "s": 0}) == {
        ("r",): 3,
        ("s",): 0,
    }


def test_a_thousand_strange_rooms_and_channels_do_not_make_a_thousand_series() -> None:
    strange = [
        a_ledger(
            f'room "{number}"\n',
            takings=[a_row(f"channel-{number}", 100 + number, 0)],
            drops=[a_drop(f"drop-{number}")],
        )
        for number in range(1_000)
    ]
    told = [*families(strange, 0), inbox_family({ledger["room"]: 1 for ledger in strange})]
    samples = [sample for family in told for sample in family.samples]
    rooms = {sample.labels["room"] for sample in samples if "room" in sample.labels}
    channels = {sample.labels["channel"] for sample in samples if "channel" in sample.labels}
    drops = {sample.labels["drop"] for sample in samples if "drop" in sample.labels}
    assert (len(rooms), len(channels), len(drops)) == (65, 33, 65), "the bound, and `other`"
    taken = sum(s.value for s in samples if s.name == "livestream_gmv_minor_total")
    assert taken == sum(100 + number for number in range(1_000)), "and not a fen is lost"
    assert sum(s.value for s in samples if s.name == "livestream_inbox_entries") == 1_000


def test_a_ledger_of_another_version_is_left_out_and_counted() -> None:
    strange = {"room": "strange", "at_ms": 1}
    assert samples_of(a_ledger("r"), strange, name="livestream_viewers") == {("r",): 300}
    assert samples_of(a_ledger("r"), strange, name="livestream_ledgers_unreadable") == {(): 1}
