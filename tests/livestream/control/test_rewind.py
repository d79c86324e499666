"""The film of a room: at any time, forwards and backwards, it shows what the engine showed then."""

import random
from typing import Any

import pytest

from cart.stock import BrokenBooksError
from livestream import commands, wire
from livestream.attendance import Moment
from livestream.control import rewind
from livestream.control.rewind import Entries, Film
from livestream.control.rooms import storefront_view
from livestream.engine.ledger import ledger_of
from livestream.flight import Watch
from livestream.messages import Card
from livestream.storefront import Storefront
from tests.livestream.stage import Stage, ok

#: What of a ledger is folded from the log.
OF_THE_LOG = (
    *("room", "title", "sandbox", "status", "seq", "epoch", "totals", "takings", "drops"),
    *("drafts", "orders", "holds", "cards", "pinned"),
)
NOBODY: Any = {"viewers": 0, "peak": 0, "joined": 0, "left": 0, "likes": 0, "unique": 0}
NOBODY |= {"by_channel": {}, "gateways": []}
NO_CHAT: Any = {"shown": 0, "skipped": 0, "blocked": 0}
IDLE: Any = {"decisions": 0, "records": 0, "append_ms_last": 0.0}
IDLE |= {"append_ms_worst": 0.0, "inbox_wait_ms_worst": 0, "since_ms": 0}


def seen_in(stage: Stage) -> tuple[dict[str, Any], Any]:
    """What the engine's own state shows now."""
    ledger: Any = ledger_of(
        stage.room, None, stage.room.state.at_ms, NOBODY, NO_CHAT, {}, IDLE, Watch()
    )
    view = storefront_view(Storefront.of(stage.room))
    return {name: ledger[name] for name in OF_THE_LOG}, view


def evening() -> tuple[Stage, list[tuple[int, dict[str, Any], Any]]]:
    """A show in which something happens each second, and what the engine showed after each."""
    stage = Stage("evening")
    stage.begin()
    shown: list[tuple[int, dict[str, Any], Any]] = []

    def note() -> None:
        stage.wait(999)  # between two facts: what follows from the last one has happened
        shown.append((stage.now_ms, *seen_in(stage)))
        stage.wait(1)

    note()
    ok(stage.desk(commands.CardPut(Card("c", "Santos"))))
    note()
    stage.sell(supply=6, limit=2)
    note()
    for viewer in ("wang", "li", "zhao", "sun"):
        stage.buy(viewer)
        note()
    ok(stage.desk(commands.OrderRefund("o1")))
    note()
    stage.place("zhou")
    note()
    ok(stage.desk(commands.CardPin("c")))
    note()
    ok(stage.desk(commands.Announce("Good night")))
    note()
    ok(stage.desk(commands.RoomEnd()))
    note()
    return stage, shown


def entries_of(stage: Stage) -> Entries:
    return [(f"{seq}-0".encode(), wire.encode_record(record)) for seq, record in stage.log]


def at(film: Film, entries: Entries, at_ms: int) -> Any:
    """As control does it, a page of three records at a time."""
    seq = film.wind_to(at_ms)
    later = [entry for entry in entries if int(entry[0].split(b"-")[0]) > seq]
    for start in range(0, len(later), 3):
        if film.run(later[start : start + 3], at_ms):
            break
    return film.shown(at_ms)


@pytest.mark.parametrize("checkpoint_facts", [3, 1_000], ids=["kept often", "from the beginning"])
def test_at_any_time_it_shows_what_the_engine_showed(
    checkpoint_facts: int, monkeypatch: pytest.MonkeyPatch, rng: random.Random
) -> None:
    monkeypatch.setattr(rewind, "CHECKPOINT_FACTS_MIN", checkpoint_facts)
    stage, shown = evening()
    film, entries = Film("evening"), entries_of(stage)
    for start in range(0, len(entries), 4):
        film.take(entries[start : start + 4])
    times = list(range(len(shown)))
    rng.shuffle(times)
    for index in [*times, *range(len(shown))]:
        at_ms, ledger, view = shown[index]
        told = at(film, entries, at_ms)
        assert {name: told["ledger"][name] for name in OF_THE_LOG} == ledger
        assert told["storefront"] == view
        assert (told["seq"], told["at_ms"]) == (ledger["seq"], at_ms)


def test_before_the_first_fact_there_is_nothing() -> None:
    stage, _ = evening()
    film, entries = Film("evening"), entries_of(stage)
    film.take(entries)
    told = at(film, entries, stage.log[0][1].at_ms - 1)
    assert (told["seq"], told["storefront"]["title"], told["ledger"]["drops"]) == (0, "", [])


def test_a_player_learns_from_when_to_when_and_what_happened() -> None:
    stage, shown = evening()
    film = Film("evening")
    film.take(entries_of(stage))
    about = film.about()
    assert (about["title"], about["status"]) == ("An evening in Paris", "ended")
    assert about["until_ms"] == stage.log[-1][1].at_ms
    assert about["from_ms"] <= shown[0][0]
    kinds = [mark["kind"] for mark in about["marks"]]
    assert kinds[0] == "room.started"
    assert kinds[-1] == "room.ended"
    assert {"card.pushed", "drop.opened", "drop.closed", "card.pinned"} <= set(kinds)
    (said,) = about["announcements"]
    assert said["text"] == "Good night"
    assert about["from_ms"] < said["at_ms"] < about["until_ms"]
    times = [mark["at_ms"] for mark in about["marks"]]
    assert times == sorted(times)


def test_the_audience_is_the_one_of_the_last_moment_before() -> None:
    stage, shown = evening()
    film, entries = Film("evening"), entries_of(stage)
    film.take(entries)
    base_ms = shown[0][0]
    moments = [
        Moment(base_ms + n * 2_000, 10 * n, 50, 60, n, 0, 7 * n, 0, n, 0, 0, 0) for n in (1, 2, 3)
    ]
    film.know(moments)
    assert [told["likes"] for told in film.about()["moments"]] == [7, 14, 21]
    for after_ms, viewers in ((0, 0), (2_000, 10), (3_999, 10), (5_000, 20), (60_000, 30)):
        ledger = at(film, entries, base_ms + after_ms)["ledger"]
        assert ledger["audience"]["viewers"] == viewers
        assert ledger["audience"]["likes"] == viewers // 10 * 7


def test_states_are_kept_within_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, _ = evening()
    monkeypatch.setattr(rewind, "CHECKPOINT_FACTS_MIN", 2)
    monkeypatch.setattr(rewind, "CHECKPOINT_BYTES_MAX", 4_000)
    film = Film("evening")
    film.take(entries_of(stage))
    sizes = [len(kept.state) for kept in film._checkpoints]
    assert sizes
    assert all(size <= 4_000 for size in sizes[:-1])
    assert sizes[-1] < 3 * 4_000


def test_a_log_with_a_record_missing_is_not_shown() -> None:
    stage, _ = evening()
    entries = list(entries_of(stage))
    del entries[3]
    with pytest.raises(BrokenBooksError):
        Film("evening").take(entries)
