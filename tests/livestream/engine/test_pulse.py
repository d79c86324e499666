"""The audience summed over gateways."""

import msgspec

from livestream.engine.pulse import STALE_MS, GatewayCounts, read_counts, total

NOW_MS = 1_000_000


def counts(viewers: int, age_ms: int = 0, **more: int) -> GatewayCounts:
    return GatewayCounts(
        at_ms=NOW_MS - age_ms, viewers=viewers, by_channel={"tmall": viewers}, **more
    )


def test_viewers_of_all_living_gateways_are_summed() -> None:
    audience = total({"g-1": counts(300), "g-2": counts(200)}, unique=450, peak=0, now_ms=NOW_MS)
    assert audience["viewers"] == 500
    assert audience["by_channel"] == {"tmall": 500}
    assert audience["unique"] == 450
    assert [gateway["id"] for gateway in audience["gateways"]] == ["g-1", "g-2"]


def test_a_gateway_that_fell_silent_takes_its_viewers_along_but_not_what_it_had_counted() -> None:
    dead = counts(300, age_ms=STALE_MS + 1, joined=310, left=10, likes=99)
    audience = total({"g-1": dead, "g-2": counts(5, joined=5)}, unique=0, peak=0, now_ms=NOW_MS)
    assert audience["viewers"] == 5
    assert audience["joined"] == 315
    assert audience["likes"] == 99


def test_the_peak_only_rises() -> None:
    assert total({"g": counts(10)}, 0, peak=40, now_ms=NOW_MS)["peak"] == 40
    assert total({"g": counts(50)}, 0, peak=40, now_ms=NOW_MS)["peak"] == 50


def test_a_field_that_is_not_ours_is_left_out() -> None:
    fields = {b"g-1": msgspec.json.encode(counts(7)), b"g-2": b"junk", b"\xff": b"{}"}
    assert set(read_counts(fields)) == {"g-1"}
