"""Commands of the desk under a key: done once, answered alike, through a restart too."""

import pytest

from cart.outcome import ErrorCode
from livestream import commands, once, wire
from livestream.commands import Once
from livestream.facts import DeskAnswered
from livestream.room import Room, RoomState, decide, evolve
from tests.livestream.stage import SANTOS, Stage, ok, refusal, tag

AGAIN = Once("press-1", "restock by two")


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.begin()
    stage.sell()
    return stage


def supply(stage: Stage) -> int:
    return stage.room.state.books.drops[SANTOS].stock.supplied


def test_without_a_key_a_repeated_restock_adds_twice(stage: Stage) -> None:
    before = supply(stage)
    for _ in range(2):
        ok(stage.desk(commands.DropRestock(SANTOS, 2)))
    assert supply(stage) == before + 4


def test_under_a_key_a_repeat_gets_the_first_answer_and_adds_nothing(stage: Stage) -> None:
    before = supply(stage)
    first = ok(stage.desk(commands.DropRestock(SANTOS, 2), AGAIN))
    facts = len(stage.log)
    stage.desk(commands.DropPause(SANTOS))
    stage.restart()
    assert ok(stage.desk(commands.DropRestock(SANTOS, 2), AGAIN)) == first
    assert supply(stage) == before + 2
    assert [tag(fact) for fact in stage.log[facts - 1][1].facts][-1] == "desk.answered"


def test_a_repeat_does_not_undo_what_was_done_since(stage: Stage) -> None:
    """Why also what changes nothing is remembered: pressed once more it would."""
    opening = Once("press-2", "open")
    ok(stage.desk(commands.DropOpen(SANTOS), opening))  # it is open already
    ok(stage.desk(commands.DropPause(SANTOS)))
    ok(stage.desk(commands.DropOpen(SANTOS), opening))
    assert stage.room.state.books.drops[SANTOS].status == "paused"


def test_the_same_key_for_another_call_or_person_is_a_conflict(stage: Stage) -> None:
    ok(stage.desk(commands.DropRestock(SANTOS, 2), AGAIN))
    other = Once("press-1", "restock by three")
    assert refusal(stage.desk(commands.DropRestock(SANTOS, 3), other)) is ErrorCode.CONFLICT
    stranger = stage.ask("desk:lin", commands.DropRestock(SANTOS, 2), "desk", AGAIN)
    assert refusal(stranger) is ErrorCode.CONFLICT


def test_what_was_refused_is_not_kept_and_may_be_asked_again(stage: Stage) -> None:
    resuming = Once("press-3", "open x")
    assert refusal(stage.desk(commands.DropOpen("x"), resuming)) is ErrorCode.NOT_FOUND
    assert stage.room.state.answered == {}
    ok(stage.schedule("x", sku="x"))
    ok(stage.desk(commands.DropOpen("x"), resuming))
    assert list(stage.room.state.answered) == ["press-3"]


def test_only_the_last_keys_are_kept(stage: Stage) -> None:
    kept: dict[str, once.Answered] = {}
    for number in range(once.ANSWERS_KEPT_MAX + 1):
        fact = DeskAnswered(f"k{number}", "asked", "card.pin", "{}", by="desk:host")
        once.remember(kept, fact, at_ms=number)
    assert len(kept) == once.ANSWERS_KEPT_MAX
    assert "k0" not in kept
    assert f"k{once.ANSWERS_KEPT_MAX}" in kept


def test_what_is_remembered_survives_a_snapshot_and_a_fold_of_the_log(stage: Stage) -> None:
    ok(stage.desk(commands.DropRestock(SANTOS, 2), AGAIN))
    snapshot = wire.decode_state(wire.encode_state(stage.room.state), RoomState)
    assert snapshot.answered == stage.room.state.answered
    replayed = Room(RoomState("evening"))
    for _, record in stage.log:
        for fact in wire.decode_record(wire.encode_record(record)).facts:
            evolve(replayed, fact, record.at_ms)
    assert replayed.state.answered == stage.room.state.answered
    envelope = commands.Envelope(1, "desk:host", "desk", commands.RoomStart(), once=AGAIN)
    assert decide(replayed, envelope, 0).facts == ()
