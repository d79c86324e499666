"""What the desk sees of a drop beside its levels: the line, the holds, the perks."""

import pytest

from cart.perk import PerkTerms
from livestream.commands import DropRestock, Once, OrderRefund
from livestream.engine.ledger import DropLine, drop_lines
from livestream.engine.progress import COMMANDS_TOLD_MAX, ENDING_MS, coupon_counts, desk_lines
from tests.livestream.stage import HOLD_TTL_MS, SANTOS, START_MS, Stage, ok


@pytest.fixture
def stage() -> Stage:
    """A live room with one drop of one unit, and a perk for the first two."""
    stage = Stage()
    stage.begin()
    stage.sell(supply=1, perks=[PerkTerms("bellboy", "Bellboy", 2, "pass")])
    return stage


def drop(stage: Stage) -> DropLine:
    (line,) = drop_lines(stage.room.state.books, stage.now_ms)
    return line


def test_it_tells_since_when_a_drop_is_open(stage: Stage) -> None:
    opened_ms = drop(stage)["opened_at_ms"]
    assert START_MS <= opened_ms <= stage.now_ms
    stage.wait(5_000)
    stage.buy("wang")
    ok(stage.desk(DropRestock(SANTOS, 1)))  # opens again
    assert drop(stage)["opened_at_ms"] == opened_ms


def test_holds_in_carts_and_orders_and_those_about_to_end(stage: Stage) -> None:
    assert drop(stage)["holds"]["first_ends_at_ms"] is None
    ok(stage.desk(DropRestock(SANTOS, 1)))
    ok(stage.add("wang"))
    stage.place("li")
    holds = drop(stage)["holds"]
    assert (holds["in_carts"], holds["in_orders"], holds["ending"]) == (1, 1, 0)
    assert holds["first_ends_at_ms"] == stage.now_ms + HOLD_TTL_MS
    stage.wait(HOLD_TTL_MS - ENDING_MS)
    assert drop(stage)["holds"]["ending"] == 1


def test_the_line_with_its_oldest_and_the_offers_that_lie_in_carts(stage: Stage) -> None:
    ok(stage.add("wang"))
    stage.wait(1_000)
    joined_ms = stage.now_ms
    ok(stage.join("li"))
    stage.wait(1_000)
    ok(stage.join("zhao"))
    line = drop(stage)
    assert (line["waiting"], line["next"]) == (2, 1)
    assert line["line"] == {"joined": 2, "oldest_since_ms": joined_ms, "offers_open": 0}
    stage.wait(HOLD_TTL_MS)  # wang's unit falls to li
    line = drop(stage)
    assert (line["waiting"], line["next"]) == (1, 2)
    assert line["line"]["oldest_since_ms"] == joined_ms + 1_000
    assert line["line"]["offers_open"] == 1


def test_perks_given_and_those_that_a_refund_set_free(stage: Stage) -> None:
    assert drop(stage)["perks_given"] == [
        {
            "perk_id": "bellboy",
            "name": "Bellboy",
            "first_n": 2,
            "given": 0,
            "freed": 0,
            "on_refund": "pass",
        }
    ]
    stage.buy("wang")
    assert drop(stage)["perks_given"][0]["given"] == 1
    ok(stage.desk(OrderRefund("o1")))
    (perk,) = drop(stage)["perks_given"]
    assert (perk["given"], perk["freed"]) == (0, 1)


def test_the_last_commands_of_the_desk_are_told_the_newest_last(stage: Stage) -> None:
    for number in range(COMMANDS_TOLD_MAX + 2):
        ok(stage.desk(DropRestock(SANTOS, 1), Once(f"k{number}", "asked")))
    told = desk_lines(stage.room.state.answered)
    assert [line["key"] for line in told] == [f"k{n}" for n in range(2, COMMANDS_TOLD_MAX + 2)]
    assert {(line["by"], line["command"]) for line in told} == {("desk:host", "drop.restock")}


def test_coupons_are_counted_without_their_codes(stage: Stage) -> None:
    ok(stage.put_coupon("MAISON", supply=5, percent_bp=1_000))
    stage.sell("ring", supply=3)
    stage.place("wang", "ring", coupon="MAISON")
    stage.buy("li", "ring", coupon="MAISON")
    assert coupon_counts(stage.room.state.books) == {"declared": 1, "held": 1, "redeemed": 1}
