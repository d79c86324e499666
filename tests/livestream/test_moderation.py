"""Moderation as it is decided: what stands above the chat, which words are blocked, who did it."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.outcome import ErrorCode
from cart.perk import PerkTerms
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream import commands, facts, messages, wire
from livestream.commands import Envelope
from livestream.engine.ledger import action_line
from livestream.messages import PinnedMessage
from livestream.moderation import ACTIONS_KEPT, PINNED_CHARACTERS_KEPT, ActionType
from livestream.room import RoomState, decide
from livestream.storefront import Storefront
from tests.livestream.stage import SANTOS, START_MS, Stage, ok, refusal, tag

LINE = PinnedMessage("Does it ship to Shanghai?", "Mei", "g-1-7")


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.begin()
    return stage


def last_facts(stage: Stage) -> list[Any]:
    return list(stage.log[-1][1].facts)


# -- above the chat --------------------------------------------------------------------------------


def test_a_line_stands_above_the_chat_until_another_does(stage: Stage) -> None:
    ok(stage.desk(commands.ChatPin(LINE)))
    shown = {"text": LINE.text, "name": "Mei", "message_id": "g-1-7"}
    assert stage.view.pinned_message == shown
    assert stage.view.snapshot(1, 2, [])["pinned_message"] == shown
    ok(stage.desk(commands.ChatPin(PinnedMessage("Doors at eight"))))
    assert stage.view.pinned_message == {"text": "Doors at eight"}
    ok(stage.desk(commands.ChatUnpin()))
    assert stage.view.snapshot(1, 2, [])["pinned_message"] is None
    assert stage.view == Storefront.of(stage.room)


def test_what_stands_there_already_is_no_news(stage: Stage) -> None:
    ok(stage.desk(commands.ChatUnpin()))
    ok(stage.desk(commands.ChatPin(LINE)))
    length = len(stage.log)
    assert ok(stage.desk(commands.ChatPin(LINE))) == {"pinned": True}
    assert len(stage.log) == length
    ok(stage.desk(commands.ChatUnpin()))
    assert ok(stage.desk(commands.ChatUnpin())) == {"pinned": False}
    assert len(stage.log) == length + 1


def test_a_text_of_nothing_is_not_pinned(stage: Stage) -> None:
    refused = stage.desk(commands.ChatPin(PinnedMessage("  \n ")))
    assert refusal(refused) is ErrorCode.INVALID
    assert stage.view.pinned_message is None


def test_a_deleted_line_does_not_stay_above_the_chat(stage: Stage) -> None:
    ok(stage.desk(commands.ChatPin(LINE)))
    ok(stage.desk(commands.ChatDelete("g-1-8")))
    assert stage.view.pinned_message is not None
    ok(stage.desk(commands.ChatDelete("g-1-7")))
    assert [tag(fact) for fact in last_facts(stage)] == ["chat.deleted", "chat.pinned"]
    assert stage.view.pinned_message is None


# -- blocked words ---------------------------------------------------------------------------------


def test_the_list_of_words_is_given_whole(stage: Stage) -> None:
    assert ok(stage.desk(commands.ChatWords(["rude", "坏蛋", "rude"]))) == {"count": 2}
    assert stage.room.state.blocked_words == ["rude", "坏蛋"]
    length = len(stage.log)
    ok(stage.desk(commands.ChatWords(["rude", "坏蛋"])))
    assert len(stage.log) == length, "the same list again is no news"
    assert ok(stage.desk(commands.ChatWords([]))) == {"count": 0}
    assert stage.room.state.blocked_words == []


def test_a_word_of_which_nothing_is_left_is_refused_and_the_list_stays(stage: Stage) -> None:
    ok(stage.desk(commands.ChatWords(["rude"])))
    assert refusal(stage.desk(commands.ChatWords(["fine", "..."]))) is ErrorCode.INVALID
    assert stage.room.state.blocked_words == ["rude"]


def test_nobody_outside_hears_of_the_words(stage: Stage) -> None:
    ok(stage.desk(commands.ChatWords(["unspeakable"])))
    assert "unspeakable" not in str(stage.air)
    assert "unspeakable" not in wire.encode_state(Storefront.of(stage.room)).decode()


def test_pin_words_and_actions_outlive_the_engine(stage: Stage) -> None:
    stage.desk(commands.ChatPin(LINE))
    stage.desk(commands.ChatWords(["rude"]))
    before = stage.room.state
    stage.restart()
    after = stage.room.state
    assert (after.pinned_message, after.blocked_words) == (LINE, ["rude"])
    assert after.actions == before.actions
    assert stage.replayed() == after
    assert wire.decode_state(wire.encode_state(after), RoomState) == after


# -- who did what ----------------------------------------------------------------------------------


def everything_that_moderators_do() -> Iterator[commands.HostCommand]:
    yield commands.ViewerMute("wang")
    yield commands.ViewerBan("li")
    yield commands.ViewerBan("li", banned=False)
    yield commands.ChatSlowMode(5_000)
    yield commands.ChatDelete("g-1-1")
    yield commands.ChatRestore("g-1-1")
    yield commands.ChatPin(LINE)
    yield commands.ChatUnpin()
    yield commands.ChatWords(["rude", "坏蛋"])


def test_each_action_is_remembered_with_its_author(stage: Stage) -> None:
    first_seq, authors = stage.room.state.seq + 1, ("anna", "ben")
    for n, command in enumerate(everything_that_moderators_do()):
        ok(stage.ask(f"desk:{authors[n % 2]}", command, "desk"))
        stage.now_ms += 1_000
    lines = [dict(action_line(action)) for action in stage.room.state.actions]
    assert [line.pop("seq") for line in lines] == list(range(first_seq, first_seq + 9))
    times = [line.pop("at_ms") for line in lines]
    assert times == [stage.now_ms - 1_000 * back for back in range(9, 0, -1)]
    assert lines == [
        {"by": "anna", "type": "viewer.muted", "viewer": "wang"},
        {"by": "ben", "type": "viewer.banned", "viewer": "li"},
        {"by": "anna", "type": "viewer.banned", "viewer": "li", "undone": True},
        {"by": "ben", "type": "chat.slow_mode", "interval_ms": 5_000},
        {"by": "anna", "type": "chat.deleted", "message_id": "g-1-1"},
        {"by": "ben", "type": "chat.restored", "message_id": "g-1-1"},
        {
            "by": "anna",
            "type": "chat.pinned",
            "message_id": "g-1-7",
            "name": "Mei",
            "text": LINE.text,
        },
        {"by": "ben", "type": "chat.pinned", "undone": True},
        {"by": "anna", "type": "chat.words", "words": 2},
    ]
    assert {line["type"] for line in lines} == set(get_args(ActionType))


def test_only_the_last_actions_are_remembered_and_of_a_text_the_beginning(stage: Stage) -> None:
    for number in range(ACTIONS_KEPT + 3):
        stage.desk(commands.ChatDelete(f"m{number}"))
    assert len(stage.room.state.actions) == ACTIONS_KEPT
    assert stage.room.state.actions[0].message_id == "m3"
    stage.desk(commands.ChatPin(PinnedMessage("长" * 500)))
    assert stage.room.state.actions[-1].text == "长" * PINNED_CHARACTERS_KEPT


def everything_that_a_desk_does() -> Iterator[commands.HostCommand]:
    """One of each kind, each of which leads to a fact after those before it."""
    first, second, third = (DropTerms(f"d{n}", f"s{n}", "T", 3, 100, "CNY") for n in (1, 2, 3))
    yield commands.RoomCreate("An evening in Paris")
    yield commands.RoomStart()
    yield commands.RulesSet(RoomRules(perks=[PerkTerms("bellboy", "Bellboy", 1, slots=True)]))
    yield commands.StreamSet(messages.Stream("https://video.example/live.m3u8"))
    yield commands.InvitationPut(["wang"])
    yield commands.InvitationWithdraw(["wang"])
    yield commands.CardPut(messages.Card("c1", "Santos"))
    yield commands.CardPin("c1")
    yield commands.CardWithdraw("c1")
    yield commands.Announce("Welcome")
    yield commands.CouponPut(CouponTerms("MAISON", 1, percent_bp=100))
    yield commands.SlotPut(SlotTerms("ten", "bellboy", "Paris", 2 * START_MS, 2 * START_MS + 1, 1))
    yield commands.DropDraft(first)
    yield commands.DraftSchedule("d1")
    yield commands.DropDraft(second)
    yield commands.DraftDiscard("d2")
    yield commands.DropSchedule(third)
    yield commands.DropOpen("d3")
    yield commands.DropPause("d3")
    yield commands.DropRestock("d3", 1)
    yield commands.DropClose("d3")
    yield from everything_that_moderators_do()
    yield commands.RoomEnd()


def test_whatever_the_desk_does_is_signed_in_the_log_and_nowhere_else() -> None:
    stage = Stage()
    stage.take_over()
    for command in everything_that_a_desk_does():
        asked = Envelope(1, "desk:anna", "desk", command)
        decided = decide(stage.room, asked, stage.now_ms).facts
        assert {fact.by for fact in decided} == {"desk:anna"}, command
        ok(stage.ask("desk:anna", command, "desk"))
    assert "anna" not in str(stage.air)
    assert "anna" not in wire.encode_state(Storefront.of(stage.room)).decode()
    done = {type(command) for command in everything_that_a_desk_does()}
    elsewhere = {commands.OrderRefund, commands.DropOpenRest}
    assert done | elsewhere == set(get_args(commands.HostCommand))


def test_what_viewers_time_and_the_provider_lead_to_has_no_author(stage: Stage) -> None:
    stage.sell()
    begun = len(stage.log)
    stage.buy("wang")
    stage.add("li")
    stage.wait(400_000)
    told = [fact for _, record in stage.log[begun:] for fact in record.facts]
    assert {tag(fact) for fact in told} >= {"hold.placed", "order.paid", "hold.expired"}
    assert {fact.by for fact in told} == {""}
    assert b'"by"' not in wire.encode_record(stage.log[-1][1])


def test_what_follows_from_a_refund_has_none_and_the_refund_itself_has() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=1, numbered=True)
    stage.buy("wang")
    ok(stage.ask("desk:anna", commands.OrderRefund("o1"), "desk"))
    by = {tag(fact): fact.by for fact in last_facts(stage)}
    assert by["order.refunded"] == "desk:anna"
    assert stage.room.state.books.drops[SANTOS].stock.available == 1


def test_a_log_from_before_authors_is_read(stage: Stage) -> None:
    record = wire.decode_record(
        b'{"epoch":1,"at_ms":5,"cursor":"0-0","facts":[{"type":"room.started"},'
        b'{"type":"viewer.muted","viewer":"wang","muted":true,"by":"desk:lin"}]}'
    )
    assert record.facts == [
        facts.RoomStarted(),
        facts.ViewerMuted("wang", muted=True, by="desk:lin"),
    ]
