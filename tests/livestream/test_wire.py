"""The codecs: what goes out comes back equal, and whatever comes in is a message or Malformed."""

import json
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart.bounds import LINES_MAX, OPTIONS_MAX, QUANTITY_MAX
from cart.outcome import ErrorCode, Refusal
from livestream import facts, messages, wire
from livestream.commands import Command, Envelope
from livestream.facts import AnyFact, Record
from livestream.messages import CHAT_TEXT_MAX, LIKES_PER_MESSAGE_MAX, MESSAGE_BYTES_MAX
from livestream.wire import Malformed
from tests.livestream.values import instances
from tests.properties import PROPERTY


def refused(payload: bytes | str) -> Malformed:
    """What is wrong with a payload that must not be read; the refusal must fit in a frame."""
    read = wire.read_message(payload if isinstance(payload, bytes) else payload.encode())
    assert isinstance(read, Malformed), read
    assert read.refusal.code is ErrorCode.INVALID
    assert 0 < len(read.refusal.message) <= 200
    assert wire.encode(wire.reply_frame(read.to, read.refusal))
    return read


# -- what a viewer says, literally -------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ('{"id":"1","type":"cart.add","sku":"santos"}', messages.CartAdd("1", "santos", 1)),
        (
            '{"id":"1","type":"cart.add","sku":"santos","quantity":2}',
            messages.CartAdd("1", "santos", 2),
        ),
        ('{"id":"1","type":"cart.remove","sku":"s"}', messages.CartRemove("1", "s", None)),
        ('{"id":"1","type":"cart.show"}', messages.CartShow("1")),
        (
            '{"id":"1","type":"checkout","checkout_id":"co",'
            '"personalisation":{"ring":{"engraving":"小王"}}}',
            messages.Checkout("1", "co", {"ring": {"engraving": "小王"}}),
        ),
        (
            '{"id":"1","type":"order.pay","order_id":"o1","payment_token":"tok_approve"}',
            messages.OrderPay("1", "o1", "tok_approve"),
        ),
        (
            '{"id":"1","type":"checkout","checkout_id":"co","slot_id":"ten"}',
            messages.Checkout("1", "co", slot_id="ten"),
        ),
        (
            '{"id":"1","type":"slots.show","perk_id":"bellboy","city":"上海","from_ms":9}',
            messages.SlotsShow("1", "bellboy", "上海", 9),
        ),
        (
            '{"id":"1","type":"slot.choose","order_id":"o1","slot_id":"ten"}',
            messages.SlotChoose("1", "o1", "ten"),
        ),
        ('{"id":"1","type":"chat.send","text":"好美"}', messages.ChatSend("1", "好美")),
        ('{"id":"1","type":"like","count":5}', messages.Like("1", 5)),
        ('{"id":"1","type":"attention","level":"commerce"}', messages.Attention("1", "commerce")),
    ],
)
def test_a_message_is_read_as_it_stands_in_the_protocol(payload: str, message: object) -> None:
    assert wire.read_message(payload.encode()) == message


def test_a_field_that_a_newer_client_sends_is_passed_over() -> None:
    assert wire.read_message(b'{"id":"1","type":"cart.show","hint":[1]}') == messages.CartShow("1")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"null",
        b"nul",
        b"[]",
        b'"cart.add"',
        b"{}",
        b'{"id":"1"}',
        b'{"id":"1","type":"cart.add"',
        b'{"id":"1","type":"cart.add","sku":"s"} {}',
        b"\xff\xfe",
        b'{"id":"1","type":"chat.send","text":"\xc3\x28"}',
        b'{"id":"1","type":"chat.send","text":"\xed\xa0\x80"}',
        b'{"id":"1","type":"chat.send","text":"\\ud800"}',
        b'{"id":"\\ud800","type":"cart.show"}',
        b'{"id":"1","type":"\\ud800"}',
        b"\x00\x01\x02",
    ],
)
def test_junk_is_malformed(payload: bytes) -> None:
    refused(payload)


@pytest.mark.parametrize(
    "opened", ["[", '{"a":', '{"id":"1","type":"chat.send","text":[', '{"type":["', '[{"id":']
)
def test_deep_nesting_is_malformed_and_harms_nobody(opened: str) -> None:
    refused((opened * MESSAGE_BYTES_MAX)[:MESSAGE_BYTES_MAX])
    refused('{"id":"1","junk":' + "[" * 4_000 + "]" * 4_000 + ',"type":"cart.show"}')


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "cart.add"},
        {"type": "cart.add", "sku": 7},
        {"type": "cart.add", "sku": ""},
        {"type": "cart.add", "sku": "s" * 65},
        {"type": "cart.add", "sku": "a b"},
        {"type": "cart.add", "sku": "s\n"},
        {"type": "cart.add", "sku": "é"},
        {"type": "cart.add", "sku": "s", "quantity": 0},
        {"type": "cart.add", "sku": "s", "quantity": -1},
        {"type": "cart.add", "sku": "s", "quantity": QUANTITY_MAX + 1},
        {"type": "cart.add", "sku": "s", "quantity": 1.5},
        {"type": "cart.add", "sku": "s", "quantity": 1.0},
        {"type": "cart.add", "sku": "s", "quantity": True},
        {"type": "cart.add", "sku": "s", "quantity": "1"},
        {"type": "cart.add", "sku": "s", "quantity": None},
        {"type": "cart.add", "sku": "s", "quantity": 10**30},
        {"type": "cart.remove", "sku": "s", "quantity": 0},
        {"type": "checkout"},
        {"type": "checkout", "checkout_id": "co", "personalisation": []},
        {"type": "checkout", "checkout_id": "co", "personalisation": {"engraving": "W"}},
        {"type": "checkout", "checkout_id": "co", "personalisation": {"s": {"e": 1}}},
        {"type": "checkout", "checkout_id": "co", "personalisation": {"s": {"e": "x" * 201}}},
        {"type": "checkout", "checkout_id": "co", "personalisation": {"s": {"": "x"}}},
        {"type": "checkout", "checkout_id": "co", "personalisation": {"": {"e": "x"}}},
        {
            "type": "checkout",
            "checkout_id": "co",
            "personalisation": {"s": {f"k{n}": "" for n in range(OPTIONS_MAX + 1)}},
        },
        {
            "type": "checkout",
            "checkout_id": "co",
            "personalisation": {f"s{n}": {} for n in range(LINES_MAX + 1)},
        },
        {"type": "order.pay", "order_id": "o1"},
        {"type": "order.pay", "order_id": "o1", "payment_token": ""},
        {"type": "order.pay", "order_id": "o1", "payment_token": "t" * 129},
        {"type": "order.pay", "order_id": "o" * 97, "payment_token": "t"},
        {"type": "chat.send", "text": ""},
        {"type": "chat.send", "text": "x" * (CHAT_TEXT_MAX + 1)},
        {"type": "like", "count": 0},
        {"type": "like", "count": LIKES_PER_MESSAGE_MAX + 1},
        {"type": "attention", "level": "none"},
        {"type": "unheard.of"},
        {"type": 7},
        {"type": None},
        {"type": "room.end"},
        {"type": "payment.approved", "payment_id": "o1-p1", "amount_minor": 1, "currency": "CNY"},
        {"type": "drop.open", "drop_id": "santos"},
    ],
    ids=json.dumps,
)
def test_wrong_types_and_what_is_out_of_bounds_is_malformed_and_its_id_is_told(
    fields: dict[str, Any],
) -> None:
    assert refused(json.dumps({"id": "c-1", **fields})).to == "c-1"


@pytest.mark.parametrize("command_id", ["", "c" * 65, 7, None, ["c"]])
def test_an_id_that_is_none_is_malformed(command_id: object) -> None:
    malformed = refused(json.dumps({"id": command_id, "type": "cart.show"}))
    assert malformed.to is None or len(malformed.to) <= 64


def test_the_id_is_told_where_it_can_be_made_out() -> None:
    assert refused('{"id":"c-1","type":"cart.add","sku":7}').to == "c-1"
    assert refused('{"type":"cart.add","sku":7,"id":"c-1"}').to == "c-1"
    assert refused('{"id":"c-1","type":"cart.add"').to is None


def test_a_refusal_quotes_no_more_than_is_needed_to_find_the_mistake() -> None:
    refused('{"id":"1","type":"' + "A" * 8_000 + '"}')


@PROPERTY
@given(payload=st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(payload: bytes) -> None:
    wire.read_message(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "type", "sku", "quantity", "text", "count", "x"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@PROPERTY
@given(value=JSON, kind=st.sampled_from(["cart.add", "checkout", "chat.send", "like", "x", None]))
def test_any_json_is_a_message_or_malformed(value: Any, kind: str | None) -> None:
    if isinstance(value, dict) and kind is not None:
        value["type"] = kind
    payload = json.dumps(value).encode()
    read = wire.read_message(payload)
    if isinstance(read, Malformed):
        assert wire.encode(wire.reply_frame(read.to, read.refusal))
    else:
        assert wire.read_message(msgspec.json.encode(read)) == read


# -- round trips -------------------------------------------------------------------------------


def has_no_picture(value: Any) -> bool:
    """A picture's address has a shape of its own, tested with cards."""
    return getattr(getattr(value, "card", None), "image_url", None) is None


@PROPERTY
@given(command=instances(Command).filter(has_no_picture), conn=st.integers(0, 2**53))
def test_every_command_survives_the_inbox(command: Any, conn: int) -> None:
    envelopes = [Envelope(conn, "wang", "tmall", command)]
    assert wire.decode_batch(wire.encode_batch(envelopes)) == envelopes


@PROPERTY
@given(happened=st.lists(instances(AnyFact).filter(has_no_picture), max_size=4))
def test_every_fact_survives_the_log(happened: list[AnyFact]) -> None:
    record = Record(3, 1_700_000_000_000, "5-1", happened)
    assert wire.decode_record(wire.encode_record(record)) == record


def test_the_log_is_readable_by_people() -> None:
    record = Record(1, 5, "7-0", [facts.RoomCreated("晚会"), facts.RoomStarted()])
    assert wire.encode_record(record).decode() == (
        '{"epoch":1,"at_ms":5,"cursor":"7-0","facts":'
        '[{"type":"room.created","title":"晚会"},{"type":"room.started"}]}'
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"epoch":1,"at_ms":5,"cursor":"0-0","facts":[{"type":"unheard.of"}]}',
        b'{"epoch":1,"at_ms":5,"cursor":"0-0","facts":[{"type":"hold.expired"}]}',
    ],
)
def test_a_record_of_somebody_else_is_an_error_and_not_a_guess(payload: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        wire.decode_record(payload)


def test_a_batch_of_somebody_else_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(msgspec.DecodeError):
        wire.decode_batch(b'[[1,"wang","tmall",{"type":"chat.send","id":"1","text":"x"}]]')


def test_frames_for_many_go_on_as_the_bytes_they_came_in() -> None:
    frame = {"type": "announcement", "seq": 3, "at_ms": 5, "text": "好"}
    ((seq, audience, raw),) = wire.decode_air(wire.encode([[3, "viewers", frame]]))
    assert (seq, audience, bytes(raw)) == (3, "viewers", orjson.dumps(frame))
    ((conn, raw),) = wire.decode_replies(wire.encode([[7, frame]]))
    assert (conn, bytes(raw)) == (7, orjson.dumps(frame))
    ((viewer, raw),) = wire.decode_private(wire.encode([["wang", frame]]))
    assert (viewer, wire.decode_frame(raw)) == ("wang", frame)


def test_chat_survives_the_way_to_the_mixer() -> None:
    line: messages.ChatMessage = {
        "id": "m1",
        "viewer": "wang",
        "name": "王",
        "text": "好美",
        "at_ms": 5,
    }
    assert wire.decode_chat(wire.encode([line])) == [line]


# -- replies -----------------------------------------------------------------------------------


def test_a_result_is_told_as_ok() -> None:
    assert wire.encode(wire.reply_frame("c-1", {"removed": 1})) == (
        b'{"type":"reply","to":"c-1","ok":true,"result":{"removed":1}}'
    )


def test_a_refusal_says_whether_to_try_again_and_when() -> None:
    refusal = Refusal(ErrorCode.ALL_HELD, "0 free now", retry_after_ms=2_000)
    assert wire.encode(wire.reply_frame("c-1", refusal)) == (
        b'{"type":"reply","to":"c-1","ok":false,"error":{"code":"all_held",'
        b'"message":"0 free now","retryable":true,"retry_after_ms":2000}}'
    )


def test_without_a_time_to_wait_none_is_told() -> None:
    frame = wire.reply_frame(None, Refusal(ErrorCode.SOLD_OUT, "gone"))
    assert frame == {
        "type": "reply",
        "to": None,
        "ok": False,
        "error": {"code": "sold_out", "message": "gone", "retryable": False},
    }


@given(
    st.none() | st.text(max_size=64),
    st.builds(Refusal, st.sampled_from(ErrorCode), st.text(max_size=200), st.integers(0, 600_000)),
)
def test_a_refusal_that_was_encoded_before_reads_like_a_new_one(
    to: str | None, refusal: Refusal
) -> None:
    told = wire.encode(wire.reply_frame(to, refusal))
    assert wire.encode_reply(to, refusal) == told
    assert wire.encode_reply(to, refusal) == told
    assert wire.encode_reply(to, {"n": 1}) == wire.encode(wire.reply_frame(to, {"n": 1}))
