"""The chat mixer: readable, fair, bounded."""

import random

from livestream.blocked_words import BlockedWords
from livestream.engine.mixer import (
    DELETED_KEPT,
    HISTORY_LINES,
    LINES_PER_FRAME,
    LOOKED_AT_MAX,
    PENDING_MAX,
    PLACES_KEPT,
    Mixer,
)
from livestream.messages import ChatMessage


def line(number: int, viewer: str | None = None) -> ChatMessage:
    return {
        "id": f"m{number}",
        "viewer": viewer or f"v{number}",
        "name": "Ada",
        "text": f"line {number}",
        "at_ms": number,
    }


def test_a_tick_in_which_nobody_spoke_makes_no_frame(rng: random.Random) -> None:
    assert Mixer(rng).mix() is None


def test_few_lines_are_all_shown_in_the_order_they_were_said(rng: random.Random) -> None:
    mixer = Mixer(rng)
    mixer.add([line(1), line(2), line(3)])
    frame = mixer.mix()
    assert frame is not None
    assert [shown["id"] for shown in frame["messages"]] == ["m1", "m2", "m3"]
    assert frame["skipped"] == 0


def test_many_lines_are_cut_to_a_readable_frame_and_the_rest_is_counted(rng: random.Random) -> None:
    mixer = Mixer(rng)
    mixer.add([line(number) for number in range(500)])
    frame = mixer.mix()
    assert frame is not None
    assert len(frame["messages"]) == LINES_PER_FRAME
    assert frame["skipped"] == 500 - LINES_PER_FRAME
    times = [shown["at_ms"] for shown in frame["messages"]]
    assert times == sorted(times)
    assert (mixer.shown, mixer.skipped) == (LINES_PER_FRAME, 500 - LINES_PER_FRAME)


def test_nobody_gets_in_by_shouting(rng: random.Random) -> None:
    mixer = Mixer(rng)
    mixer.add([line(number, "loud") for number in range(400)])
    mixer.add([line(1_000 + number) for number in range(100)])
    frame = mixer.mix()
    assert frame is not None
    assert sum(shown["viewer"] == "loud" for shown in frame["messages"]) <= 1


def test_over_many_ticks_every_speaker_is_heard(rng: random.Random) -> None:
    mixer, heard = Mixer(rng), set()
    for _ in range(200):
        mixer.add([line(number) for number in range(60)])
        frame = mixer.mix()
        assert frame is not None
        heard |= {shown["viewer"] for shown in frame["messages"]}
    assert len(heard) == 60


def test_what_waits_is_bounded_and_the_overflow_is_counted(rng: random.Random) -> None:
    mixer = Mixer(rng)
    mixer.add([line(number) for number in range(PENDING_MAX + 7)])
    mixer.add([line(9_999)])
    frame = mixer.mix()
    assert frame is not None
    assert frame["skipped"] + len(frame["messages"]) == PENDING_MAX + 8


def test_newcomers_get_the_last_lines_that_were_shown(rng: random.Random) -> None:
    mixer = Mixer(rng)
    for number in range(80):
        mixer.add([line(number)])
        mixer.mix()
    ids = [kept["id"] for kept in mixer.history]
    assert ids == [f"m{number}" for number in range(80 - HISTORY_LINES, 80)]


def test_a_deleted_line_leaves_the_history_and_is_not_shown_later(rng: random.Random) -> None:
    mixer = Mixer(rng)
    mixer.add([line(1)])
    mixer.mix()
    mixer.add([line(2), line(3)])
    assert mixer.delete("m1")
    assert mixer.delete("m2")
    assert not mixer.delete("m2")
    frame = mixer.mix()
    assert frame is not None
    assert [shown["id"] for shown in frame["messages"]] == ["m3"]
    assert [kept["id"] for kept in mixer.history] == ["m3"]


def test_a_silenced_viewer_is_not_shown_with_what_still_waited(rng: random.Random) -> None:
    mixer = Mixer(rng)
    mixer.add([line(1, "rude"), line(2, "kind")])
    mixer.silence("rude")
    frame = mixer.mix()
    assert frame is not None
    assert [shown["viewer"] for shown in frame["messages"]] == ["kind"]


def test_buyers_and_questions_come_first_and_the_others_are_not_shut_out(
    rng: random.Random,
) -> None:
    mixer = Mixer(rng, lambda viewer: viewer in ("v1", "v2"))
    heard: set[str] = set()
    for _ in range(300):
        crowd = [line(number) for number in range(200)]
        for asked in (3, 4):
            crowd[asked]["text"] = ("does it ship to Shanghai?", "什么时候开？")[asked - 3]  # noqa: RUF001
        mixer.add(crowd)
        frame = mixer.mix()
        assert frame is not None
        shown = {message["viewer"] for message in frame["messages"]}
        assert {"v1", "v2", "v3", "v4"} <= shown
        assert len(frame["messages"]) == len(shown) == LINES_PER_FRAME
        heard |= shown
    assert len(heard) == 200


def test_buyers_have_half_of_the_places_however_many_they_are(rng: random.Random) -> None:
    mixer = Mixer(rng, lambda viewer: int(viewer[1:]) < 100)
    others = 0
    for _ in range(100):
        mixer.add([line(number) for number in range(200)])
        frame = mixer.mix()
        assert frame is not None
        others += sum(int(message["viewer"][1:]) >= 100 for message in frame["messages"])
    assert others / 100 > (LINES_PER_FRAME - PLACES_KEPT) / 3


# -- blocked words ---------------------------------------------------------------------------------


def rude(number: int, viewer: str | None = None) -> ChatMessage:
    return {**line(number, viewer), "text": "How RUDE!"}


def blocking(rng: random.Random) -> Mixer:
    mixer = Mixer(rng)
    mixer.words = BlockedWords(["rude"])
    return mixer


def test_a_line_with_a_blocked_word_is_not_shown_and_counted_apart(rng: random.Random) -> None:
    mixer = blocking(rng)
    mixer.add([line(1), rude(2), line(3)])
    frame = mixer.mix()
    assert frame is not None
    assert [shown["id"] for shown in frame["messages"]] == ["m1", "m3"]
    assert frame["skipped"] == 0, "viewers are not told that there was more"
    assert (mixer.shown, mixer.skipped, mixer.blocked) == (2, 0, 1)
    assert [kept["id"] for kept in mixer.history] == ["m1", "m3"]


def test_where_all_is_blocked_there_is_no_frame(rng: random.Random) -> None:
    mixer = blocking(rng)
    mixer.add([rude(1)])
    assert mixer.mix() is None
    assert (mixer.shown, mixer.skipped, mixer.blocked) == (0, 0, 1)


def test_a_name_with_a_blocked_word_is_not_shown_either(rng: random.Random) -> None:
    mixer = blocking(rng)
    mixer.add([{**line(1), "name": "Rude Boy"}])
    assert mixer.mix() is None


def test_a_place_that_a_blocked_line_would_have_had_goes_to_another(rng: random.Random) -> None:
    mixer = blocking(rng)
    for _ in range(50):
        mixer.add([line(number) if number % 4 else rude(number) for number in range(150)])
        frame = mixer.mix()
        assert frame is not None
        assert len(frame["messages"]) == LINES_PER_FRAME
        assert all(shown["text"] != "How RUDE!" for shown in frame["messages"])


def test_a_mob_costs_so_many_looks_and_no_more(rng: random.Random) -> None:
    mixer = blocking(rng)
    mixer.add([rude(number) for number in range(PENDING_MAX)])
    frame = mixer.mix()
    assert frame is not None
    assert frame["messages"] == []
    assert mixer.blocked == LOOKED_AT_MAX, "none of them asks: one half is empty"
    assert mixer.blocked + mixer.skipped == PENDING_MAX


def test_everything_that_was_said_is_shown_skipped_or_blocked(rng: random.Random) -> None:
    mixer, said = blocking(rng), 0
    for tick in range(30):
        crowd = [rude(n, f"v{n % 7}") if n % 2 else line(n) for n in range(tick * 10)]
        said += len(crowd)
        mixer.add(crowd)
        mixer.mix()
        assert mixer.shown + mixer.skipped + mixer.blocked == said


# -- taken back ------------------------------------------------------------------------------------


def test_a_deleted_line_can_be_shown_again(rng: random.Random) -> None:
    mixer = Mixer(rng)
    mixer.add([line(1)])
    mixer.mix()
    mixer.delete("m1")
    assert mixer.restore("m1")
    mixer.add([line(2)])
    frame = mixer.mix()
    assert frame is not None
    assert [shown["id"] for shown in frame["messages"]] == ["m1", "m2"]
    assert [kept["id"] for kept in mixer.history] == ["m1", "m2"]
    assert mixer.shown == 2, "it was counted when it was said"
    assert not mixer.restore("m1"), "once"


def test_a_line_that_comes_back_can_be_deleted_again_and_its_author_silenced(
    rng: random.Random,
) -> None:
    mixer = Mixer(rng)
    mixer.add([line(1), line(2)])
    mixer.mix()
    for message_id in ("m1", "m2"):
        mixer.delete(message_id)
        assert mixer.restore(message_id)
    assert mixer.delete("m1")
    mixer.silence("v2")
    assert mixer.mix() is None


def test_only_the_last_deleted_lines_are_kept(rng: random.Random) -> None:
    mixer = Mixer(rng)
    for number in range(DELETED_KEPT + 1):
        mixer.add([line(number)])
        mixer.mix()
        mixer.delete(f"m{number}")
    assert not mixer.restore("m0")
    assert mixer.restore("m1")
