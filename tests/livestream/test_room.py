"""The room: who may say what when, the show's own facts, and that its state is the fold of them."""

from typing import get_args

import msgspec
import pytest

from cart import events
from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.outcome import ErrorCode
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream import commands, facts, messages, wire
from livestream.commands import Envelope
from livestream.messages import Card, PinnedMessage, Stream
from livestream.moderation import MODERATED_MAX
from livestream.room import (
    CARDS_MAX,
    EPOCHS_KEPT,
    Room,
    RoomState,
    decide,
    evolve,
    next_due_ms,
    stock_to_show,
    tick,
)
from tests.livestream.stage import HOLD_TTL_MS, SANTOS, Stage, ok, refusal, tag


@pytest.fixture
def stage() -> Stage:
    """A live room with one drop of three units."""
    stage = Stage()
    stage.begin()
    stage.sell()
    return stage


def names(stage: Stage) -> list[str]:
    """Tags of the last record."""
    return [tag(fact) for fact in stage.log[-1][1].facts]


# -- the life of a room ------------------------------------------------------------------------


def test_before_a_room_is_created_nothing_in_it_is_found() -> None:
    stage = Stage()
    stage.take_over()
    assert refusal(stage.desk(commands.RoomStart())) is ErrorCode.NOT_FOUND
    assert refusal(stage.add("wang")) is ErrorCode.NOT_FOUND
    assert refusal(stage.schedule()) is ErrorCode.NOT_FOUND


def test_creating_a_room_twice_changes_nothing_and_another_title_is_a_conflict() -> None:
    stage = Stage()
    stage.take_over()
    ok(stage.desk(commands.RoomCreate("An evening")))
    length = len(stage.log)
    assert ok(stage.desk(commands.RoomCreate("An evening"))) == {
        "room": "evening",
        "status": "created",
    }
    assert refusal(stage.desk(commands.RoomCreate("Another"))) is ErrorCode.CONFLICT
    assert len(stage.log) == length


def test_before_the_show_drops_may_be_prepared_and_nothing_is_sold() -> None:
    stage = Stage()
    stage.take_over()
    ok(stage.desk(commands.RoomCreate("An evening")))
    ok(stage.schedule())
    ok(stage.desk(commands.DropOpen(SANTOS)))
    assert refusal(stage.add("wang")) is ErrorCode.NOT_OPEN
    ok(stage.desk(commands.RoomStart()))
    ok(stage.add("wang"))


def test_starting_twice_changes_nothing(stage: Stage) -> None:
    length = len(stage.log)
    assert ok(stage.desk(commands.RoomStart()))["status"] == "live"
    assert len(stage.log) == length


def test_the_end_closes_every_drop_in_the_same_record(stage: Stage) -> None:
    stage.schedule("ring")
    ok(stage.desk(commands.RoomEnd()))
    assert names(stage) == ["drop.closed", "drop.closed", "room.ended"]
    assert {drop.status for drop in stage.room.state.books.drops.values()} == {"closed"}


def test_after_the_end_nothing_new_is_sold_and_what_is_held_may_be_paid(stage: Stage) -> None:
    stage.add("wang")
    ok(stage.desk(commands.RoomEnd()))
    assert refusal(stage.add("li")) is ErrorCode.CLOSED
    assert refusal(stage.schedule("ring")) is ErrorCode.CLOSED
    assert refusal(stage.desk(commands.DropOpen(SANTOS))) is ErrorCode.CONFLICT
    order_id = str(ok(stage.check_out("wang"))["order_id"])
    ok(stage.approve(stage.pay("wang", order_id)))
    assert stage.room.state.books.orders[order_id].status == "paid"


def test_after_the_end_nothing_is_drafted_or_scheduled_and_no_lottery_takes_entries(
    stage: Stage,
) -> None:
    ring = DropTerms("ring", "ring", "Ring", 1, 100, "CNY")
    ok(stage.desk(commands.DropDraft(ring)))
    ok(stage.desk(commands.RoomEnd()))
    assert refusal(stage.desk(commands.DraftSchedule("ring"))) is ErrorCode.CLOSED
    assert refusal(stage.desk(commands.DropDraft(ring))) is ErrorCode.CLOSED
    assert refusal(stage.enter("wang")) is ErrorCode.CLOSED
    ok(stage.desk(commands.DraftDiscard("ring")))
    assert set(stage.room.state.books.drops) == {SANTOS}


def test_the_end_is_the_end(stage: Stage) -> None:
    stage.desk(commands.RoomEnd())
    length = len(stage.log)
    assert ok(stage.desk(commands.RoomEnd()))["status"] == "ended"
    assert refusal(stage.desk(commands.RoomStart())) is ErrorCode.CONFLICT
    assert len(stage.log) == length


# -- cards and words ---------------------------------------------------------------------------


def test_a_card_is_pushed_once_and_then_updated(stage: Stage) -> None:
    stage.put_card(title="First")
    assert names(stage) == ["card.pushed"]
    stage.put_card(title="Second")
    assert names(stage) == ["card.updated"]
    length = len(stage.log)
    ok(stage.put_card(title="Second"))
    assert len(stage.log) == length, "the same card again is no news"


def test_a_price_needs_its_currency_and_a_currency_its_price(stage: Stage) -> None:
    assert refusal(stage.put_card(price_minor=100)) is ErrorCode.INVALID
    assert refusal(stage.put_card(currency="CNY")) is ErrorCode.INVALID
    ok(stage.put_card(price_minor=100, currency="CNY"))


def test_a_screen_has_room_for_so_many_cards(stage: Stage) -> None:
    for number in range(CARDS_MAX):
        ok(stage.put_card(f"card-{number}"))
    assert refusal(stage.put_card("one-more")) is ErrorCode.LIMIT_REACHED
    ok(stage.put_card("card-0", title="New content"))


def test_only_a_card_on_screen_can_be_pinned(stage: Stage) -> None:
    assert refusal(stage.desk(commands.CardPin("ghost"))) is ErrorCode.NOT_FOUND
    stage.put_card()
    ok(stage.desk(commands.CardPin("card-1")))
    assert stage.room.state.pinned == "card-1"
    ok(stage.desk(commands.CardPin(None)))
    assert stage.room.state.pinned is None


def test_a_card_that_is_withdrawn_is_no_longer_pinned(stage: Stage) -> None:
    stage.put_card()
    stage.desk(commands.CardPin("card-1"))
    ok(stage.desk(commands.CardWithdraw("card-1")))
    assert stage.room.state.pinned is None
    length = len(stage.log)
    ok(stage.desk(commands.CardWithdraw("card-1")))
    assert len(stage.log) == length


def test_an_announcement_says_who_made_it(stage: Stage) -> None:
    ok(stage.desk(commands.Announce("Welcome")))
    assert stage.log[-1][1].facts == [facts.Announced("Welcome", by="desk:host")]


# -- moderation --------------------------------------------------------------------------------


def test_a_viewer_is_muted_and_heard_again(stage: Stage) -> None:
    ok(stage.desk(commands.ViewerMute("wang")))
    assert "wang" in stage.room.state.muted
    length = len(stage.log)
    ok(stage.desk(commands.ViewerMute("wang")))
    assert len(stage.log) == length
    ok(stage.desk(commands.ViewerMute("wang", muted=False)))
    assert stage.room.state.muted == {}


def test_a_viewer_is_banned_and_let_in_again(stage: Stage) -> None:
    ok(stage.desk(commands.ViewerBan("wang")))
    assert "wang" in stage.room.state.banned
    ok(stage.desk(commands.ViewerBan("wang", banned=False)))
    assert stage.room.state.banned == {}


def test_lists_of_muted_and_banned_viewers_are_bounded(stage: Stage) -> None:
    viewers = dict.fromkeys(f"viewer-{number}" for number in range(MODERATED_MAX))
    stage.room.state.muted.update(viewers)
    stage.room.state.banned.update(viewers)
    assert refusal(stage.desk(commands.ViewerMute("wang"))) is ErrorCode.LIMIT_REACHED
    assert refusal(stage.desk(commands.ViewerBan("wang"))) is ErrorCode.LIMIT_REACHED
    ok(stage.desk(commands.ViewerMute("viewer-0", muted=False)))


def test_slow_mode_is_set_once(stage: Stage) -> None:
    ok(stage.desk(commands.ChatSlowMode(5_000)))
    assert stage.room.state.slow_mode_ms == 5_000
    length = len(stage.log)
    assert ok(stage.desk(commands.ChatSlowMode(5_000))) == {"interval_ms": 5_000}
    assert len(stage.log) == length


def test_the_address_of_the_picture_is_set_once_and_taken_away(stage: Stage) -> None:
    stream = Stream("https://video.example/live.m3u8", "/still.webp")
    told = {"hls_url": "https://video.example/live.m3u8", "poster_url": "/still.webp"}
    assert ok(stage.desk(commands.StreamSet(stream))) == {"stream": told}
    assert stage.log[-1][1].facts == [facts.StreamSet(stream, by="desk:host")]
    length = len(stage.log)
    assert ok(stage.desk(commands.StreamSet(stream))) == {"stream": told}
    assert len(stage.log) == length
    ok(stage.desk(commands.StreamSet(Stream())))
    assert stage.room.state.stream == Stream()


def test_a_line_of_chat_is_taken_away(stage: Stage) -> None:
    ok(stage.desk(commands.ChatDelete("m-1")))
    assert stage.log[-1][1].facts == [facts.ChatDeleted("m-1", by="desk:host")]


# -- every command has an answer ---------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", get_args(commands.Command), ids=lambda kind: kind.__struct_config__.tag
)
def test_every_command_of_the_inbox_is_decided(kind: type[msgspec.Struct]) -> None:
    """In a room with nothing in it each gets a result or a refusal, and never an exception."""
    given = {
        "title": "T",
        "card": Card("c", "T"),
        "terms": DropTerms("d", "s", "T", 1, 1, "CNY"),
        "coupon_terms": CouponTerms("MAISON", 1, percent_bp=1),
        "slot_terms": SlotTerms("slot", "bellboy", "Paris", 1, 2, 1),
        "rules": RoomRules(),
        "message": PinnedMessage("T"),
        "words": ["rude"],
        "interval_ms": 1,
        "quantity": 1,
        "amount_minor": 1,
        "currency": "CNY",
        "personalisation": {},
    }
    fields = {name: given.get(name, "x1") for name in kind.__struct_fields__}
    command = kind(**fields)
    room = Room(RoomState("empty", title="T"))
    decision = decide(room, Envelope(1, "x1", "tmall", command), 1_000)  # type: ignore[arg-type]
    assert decision.answer is not None
    assert room.state == RoomState("empty", title="T"), "deciding changes nothing"


def test_deciding_changes_nothing_even_when_it_leads_to_facts(stage: Stage) -> None:
    before = wire.encode_state(stage.room.state)
    envelope = Envelope(1, "wang", "tmall", messages.CartAdd("1", SANTOS))
    first = decide(stage.room, envelope, stage.now_ms)
    assert first.facts
    assert decide(stage.room, envelope, stage.now_ms) == first
    assert wire.encode_state(stage.room.state) == before


# -- time --------------------------------------------------------------------------------------


def test_time_is_handed_to_the_counter(stage: Stage) -> None:
    stage.add("wang")
    due_ms = next_due_ms(stage.room)
    assert due_ms is not None
    assert tick(stage.room, stage.now_ms + HOLD_TTL_MS) == [
        events.HoldExpired("h1", "wang", SANTOS, 1)
    ]
    assert stock_to_show(stage.room, stage.now_ms + 250) == [
        events.StockShown(SANTOS, SANTOS, 2, 1, 0)
    ]


# -- state = fold(log) -------------------------------------------------------------------------


def test_every_fact_has_a_seq_of_its_own(stage: Stage) -> None:
    seqs = [seq for seq, _ in stage.log]
    lengths = [len(record.facts) for _, record in stage.log]
    assert seqs == [sum(lengths[: n + 1]) for n in range(len(lengths))]


def test_epochs_are_kept_with_their_first_seq_and_the_oldest_forgotten() -> None:
    room = Room(RoomState("r"))
    for epoch in range(1, EPOCHS_KEPT + 3):
        evolve(room, facts.EpochStarted(epoch, "e"), 1)
        evolve(room, facts.Announced("a", by="desk:x"), 1)
    assert len(room.state.epochs) == EPOCHS_KEPT
    assert room.state.epochs[0] == (3, 5)
    assert room.state.epoch == EPOCHS_KEPT + 2


def test_a_room_nobody_owned_yet_has_epoch_zero() -> None:
    assert RoomState("r").epoch == 0


def test_a_restarted_room_goes_on_as_if_nothing_had_been(stage: Stage) -> None:
    """The same evening with and without a restart differs in the epoch and nothing else."""

    def go_on(stage: Stage) -> None:
        stage.buy("li")
        stage.wait(HOLD_TTL_MS)
        stage.desk(commands.OrderRefund("o1"))

    other = Stage()
    other.begin()
    other.sell()
    for one in (stage, other):
        one.add("wang")
        one.take_over() if one is other else one.restart()
        go_on(one)
    assert stage.room.state == other.room.state
    assert stage.replayed() == stage.room.state
