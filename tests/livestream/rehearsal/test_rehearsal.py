"""The pure parts of a rehearsal: what may be asked for, who comes, and what is told."""

import random
from typing import Any

import msgspec
import pytest

from livestream.demo.purse import Purse
from livestream.demo.temper import CHAT_EVERY_S_MIN, gather
from livestream.demo.witness import Witness
from livestream.rehearsal import Words
from livestream.show import Show, new_show, parse_show
from livestream.show.rehearsal import (
    Failure,
    Figure,
    Outcome,
    Plan,
    Step,
    Told,
    read_told,
    rehearsal_room,
    rehearsal_title,
)
from livestream.tickets import RoomId

PLAN = {
    "room": "rehearsal-1",
    "show": "",
    "control_url": "http://127.0.0.1:1",
    "redis_url": "unix:///x",
    "token": "secret-token",
}


def show() -> Show:
    read = parse_show("new.yaml", new_show().encode())
    assert isinstance(read, Show)
    return read


@pytest.mark.parametrize(
    "asked", [{"viewers": 0}, {"viewers": 2_001}, {"speed": 20.1}, {"speed": 0}, {"buyers": -1}]
)
def test_a_rehearsal_has_bounds(asked: dict[str, Any]) -> None:
    msgspec.convert(PLAN, Plan)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**PLAN, **asked}, Plan)


def test_the_token_of_a_plan_is_in_no_log_line() -> None:
    assert "secret-token" not in repr(msgspec.convert(PLAN, Plan))


@pytest.mark.parametrize("name", ["evening", "晚会", "a show with blanks & more", "x" * 200, ""])
def test_a_room_and_a_title_can_be_made_of_any_name(name: str) -> None:
    msgspec.convert(rehearsal_room(name, "0f1e2d3c"), RoomId)
    assert len(rehearsal_title(name)) <= 120


@pytest.mark.parametrize(
    "told",
    [
        Step("playing", 1, 2, 3, 4, "pin watch"),
        Outcome(True, "clean", [Figure("orders", "3 paid")], [], wiped=True),
        Failure("it was stopped", wiped=True),
    ],
)
def test_what_a_process_tells_is_read_back(told: Told) -> None:
    assert read_told(msgspec.json.encode(told)) == told


def test_just_so_many_people_buy_as_were_asked_for() -> None:
    crowd = gather(show(), 50, seed=7, buyers=12)
    assert sum(bool(temper.errands) for temper in crowd) == 12
    assert gather(show(), 50, seed=7, buyers=0)[0].errands == ()


def test_people_of_a_faster_show_are_as_much_quicker_within_what_gateways_allow() -> None:
    slow, quick = (gather(show(), 80, seed=7, buyers=40, pace=pace) for pace in (1, 20))
    for one, other in zip(slow, quick, strict=True):
        assert [e.reaction_s for e in other.errands] == [e.reaction_s / 20 for e in one.errands]
        assert (one.chat_every_s is None) is (other.chat_every_s is None)
        assert other.chat_every_s is None or other.chat_every_s >= CHAT_EVERY_S_MIN
        assert (one.viewer, one.joins_s) == (other.viewer, other.joins_s)


def test_a_purse_knows_deposits_and_what_it_was_offered() -> None:
    purse = Purse("ann", Witness())
    purse.told("hold.offered", {"sku": "ring", "hold_id": "h1"})
    purse.told("line.left", {"drop_id": "d", "reason": "sold_out"})
    assert (purse.offered_of("ring"), purse.offered_of("watch")) == ("h1", None)
    placed = {
        "order_id": "o1",
        "checkout_id": "c1",
        "total_minor": 9,
        "currency": "CNY",
        "expires_at_ms": 1,
        "lines": [{"sku": "ring", "quantity": 1}],
        "status": "placed",
    }
    order = purse.placed(placed)
    assert [order.secured, order.paid] == [False, False]
    purse.told("deposit.paid", {"order_id": "o1", "deposit_minor": 1})
    assert [order.secured, order.paid] == [True, False]
    assert order.decided(waits_for_late_money=False)


def test_each_phase_is_told_once_and_every_cue() -> None:
    words = Words()
    steps = [Step("gathering"), Step("gathering"), Step("playing", cue="pin"), Step("playing")]
    assert [line for step in steps for line in words.of(step)] == [
        "-- people come in",
        "-- the show begins",
        "pin",
    ]


def test_the_end_tells_figures_verdict_and_what_was_not_done() -> None:
    figures = [Figure("orders", "3 paid"), Figure("GMV net", "CNY 9.00")]
    lines = list(Words().of(Outcome(True, "clean\n", figures, ["pause x  (not done: y)"], False)))
    assert lines == [
        "",
        "orders   3 paid",
        "GMV net  CNY 9.00",
        "",
        "clean",
        "not as planned: pause x  (not done: y)",
        "the room is kept: wipe it when you have looked",
    ]


def test_a_failure_says_whether_something_may_be_left() -> None:
    assert list(Words().of(Failure("stopped", wiped=True))) == ["stopped"]
    assert len(list(Words().of(Failure("cut off")))) == 2


def test_the_same_seed_brings_the_same_people() -> None:
    seed = random.Random(3).getrandbits(32)
    assert gather(show(), 20, seed, 5, 20) == gather(show(), 20, seed, 5, 20)
