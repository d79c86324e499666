"""One turn of a room, as a value."""

from cart.drop import DropTerms
from livestream import keys, wire
from livestream.commands import Command, DropSchedule, Envelope, RoomCreate, RoomStart
from livestream.engine.turn import Entries, Turn, messages_of, take_turn
from livestream.messages import CartAdd, CartRemove, LineJoin
from livestream.room import Room, RoomState

OPENS_AT_MS = 10_000
TERMS = DropTerms("d", "s", "Santos", 2, 28_800, "CNY", opens_at_ms=OPENS_AT_MS)


def entry(entry_id: str, *commands: tuple[int, str, Command], sender: str = "g-1") -> Entries:
    envelopes = [Envelope(conn, actor, "tmall", command) for conn, actor, command in commands]
    return [(entry_id, sender, wire.encode_batch(envelopes))]


def room_with_drop() -> Room:
    room = Room(RoomState("r"))
    opening = (RoomCreate("Evening"), RoomStart(), DropSchedule(TERMS))
    take_turn(room, entry("1-0", *((0, "desk:x", command) for command in opening)), 1_000)
    return room


def codes(turn: Turn, sender: str = "g-1") -> list[str]:
    return [
        "ok" if frame["ok"] else str(frame["error"]["code"]) for _, frame in turn.replies[sender]
    ]


def test_commands_are_decided_in_the_order_of_the_inbox_and_each_sender_gets_its_replies() -> None:
    room = room_with_drop()
    entries = [
        *entry("2-0", (1, "a", CartAdd("1", "s")), (2, "b", CartAdd("1", "s"))),
        *entry("3-0", (9, "c", CartAdd("1", "s")), sender="g-2"),
    ]
    turn = take_turn(room, entries, OPENS_AT_MS)
    assert codes(turn, "g-1") == ["ok", "ok"]
    assert codes(turn, "g-2") == ["all_held"]
    assert turn.replies["g-2"][0][0] == 9
    assert turn.consumed == "3-0"


def test_what_is_due_by_time_comes_before_what_was_asked() -> None:
    room = room_with_drop()
    turn = take_turn(room, entry("2-0", (1, "a", CartAdd("1", "s"))), OPENS_AT_MS)
    tags = [type(fact).__struct_config__.tag for fact in turn.facts]
    assert tags[:2] == ["drop.opened", "hold.placed"]


def test_a_turn_of_refusals_has_no_record_but_is_consumed_and_answered() -> None:
    room = room_with_drop()
    turn = take_turn(room, entry("2-0", (1, "a", CartAdd("1", "s"))), OPENS_AT_MS - 1)
    assert codes(turn) == ["not_open"]
    assert turn.record(epoch=1, cursor="2-0") == b""
    assert turn.consumed == "2-0"
    assert not turn.is_empty


def test_a_turn_in_which_nothing_is_due_or_asked_is_empty() -> None:
    assert take_turn(room_with_drop(), [], 1_100).is_empty


def test_an_entry_that_cannot_be_read_is_consumed_and_harms_nobody_else() -> None:
    room = room_with_drop()
    entries = [("2-0", "x", b"not json"), *entry("3-0", (1, "a", CartAdd("1", "s")))]
    turn = take_turn(room, entries, OPENS_AT_MS)
    assert turn.unreadable == 1
    assert codes(turn) == ["ok"]
    assert turn.consumed == "3-0"


def test_whoever_does_not_wait_gets_no_reply() -> None:
    room = room_with_drop()
    turn = take_turn(room, entry("2-0", (0, "a", CartAdd("1", "s"))), OPENS_AT_MS)
    assert turn.replies == {}
    assert turn.outcomes[CartAdd, "ok"] == 1


def test_each_public_frame_carries_the_seq_of_its_own_fact() -> None:
    room = room_with_drop()
    first = room.state.seq + 1
    turn = take_turn(room, entry("2-0", (1, "a", CartAdd("1", "s"))), OPENS_AT_MS)
    seqs = [(seq, frame["seq"], frame["type"]) for seq, _, frame in turn.air]
    assert seqs[0] == (first, first, "drop.opened")
    assert all(seq == carried for seq, carried, _ in seqs)
    assert turn.last_seq == room.state.seq


def test_the_record_reads_back_as_what_was_decided() -> None:
    room = room_with_drop()
    turn = take_turn(room, entry("2-0", (1, "a", CartAdd("1", "s"))), OPENS_AT_MS)
    record = wire.decode_record(turn.record(epoch=3, cursor="2-0"))
    assert (record.epoch, record.cursor, record.at_ms) == (3, "2-0", OPENS_AT_MS)
    assert record.facts == turn.facts


def test_messages_are_addressed_to_the_sender_and_read_back() -> None:
    room = room_with_drop()
    turn = take_turn(room, entry("2-0", (7, "a", CartAdd("1", "s"))), OPENS_AT_MS)
    ((channel, payload),) = messages_of(turn, "r")
    assert channel == keys.replies("g-1")
    ((conn, frame),) = wire.decode_replies(payload)
    assert conn == 7
    assert wire.decode_frame(frame)["to"] == "1"


def test_who_waited_is_told_of_the_offer_and_nobody_of_a_hold_that_was_asked_for() -> None:
    room = room_with_drop()
    asked = (
        (1, "a", CartAdd("1", "s")),
        (2, "b", CartAdd("1", "s")),
        (3, "c", LineJoin("1", "s")),
        (1, "a", CartRemove("2", "s")),
    )
    turn = take_turn(room, entry("2-0", *asked), OPENS_AT_MS)
    assert codes(turn) == ["ok"] * 4
    ((viewer, frame),) = turn.private
    assert (viewer, frame["type"], frame["hold_id"]) == ("c", "hold.offered", "h3")
