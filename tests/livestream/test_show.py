"""A show file: what is read from it, and what its author is told when it is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from livestream import commands
from livestream.show import Duration, Show, load_show
from livestream.show.file import Moment

Write = Callable[[str], Path]
SHOWS = sorted((Path(__file__).parents[2] / "shows").glob("*.yaml"))

GOOD = """\
version: 1
title: An evening
currency: CNY
cards:
  - {card_id: watch, title: Watch, sku: watch-1, price_minor: 100}
drops:
  - drop_id: drop
    sku: watch-1
    title: Watch
    supply: 10
    price_minor: 100
    hold: 2s
    perks: [{perk_id: bellboy, name: Bellboy, first_n: 3}]
cues:
  - {at: 0s, push: watch}
  - {at: 1s, schedule: {drop: drop, opens: 1m2.5s}}
  - {at: 2m, pause: drop}
  - {at: 2m, resume: drop}
  - {at: 3m, end: show}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "show.yaml"
        path.write_text(text)
        return path

    return write


def read(path: Path) -> Show:
    show = load_show(path)
    assert isinstance(show, Show), "\n".join(map(str, show))
    return show


def wrong(path: Path) -> list[tuple[int, str]]:
    """The lines that are wrong, and what is said of them."""
    mistakes = load_show(path)
    assert not isinstance(mistakes, Show), "no mistake was found"
    assert all(str(m).startswith(f"{path}:{m.line}: ") for m in mistakes)
    return [(mistake.line, mistake.what) for mistake in mistakes]


# -- what is read ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHOWS, ids=lambda path: path.stem)
def test_a_show_of_ours_has_no_mistake_and_fills_45_seconds(path: Path) -> None:
    show = read(path)
    assert show.duration_ms == 45_000
    assert len(show.drops) == 2


def test_there_are_three_shows() -> None:
    assert len(SHOWS) == 3


def test_the_santos_dumont_evening_sells_288_with_a_perk_for_the_first_88() -> None:
    limited, _ = read(next(path for path in SHOWS if path.stem == "santos-dumont")).drops
    assert limited.supply == 288
    assert [perk.first_n for perk in limited.perks] == [88]


def test_cues_become_the_commands_of_the_desk(write: Write) -> None:
    show = read(write(GOOD))
    assert [type(cue.command) for cue in show.cues] == [
        commands.CardPut,
        commands.DropSchedule,
        commands.DropPause,
        commands.DropOpen,
        commands.RoomEnd,
    ]
    assert [cue.at_ms for cue in show.cues] == [0, 1_000, 120_000, 120_000, 180_000]


def test_a_card_and_a_drop_are_in_the_currency_of_the_show(write: Write) -> None:
    show = read(write(GOOD))
    put = show.cues[0].command
    assert isinstance(put, commands.CardPut)
    assert put.card.currency == "CNY"
    assert show.drops[0].currency == "CNY"


def test_the_timetable_is_in_absolute_time_and_speed_shortens_the_waits_only(write: Write) -> None:
    times = list(read(write(GOOD)).timetable(start_ms=1_000_000, speed=2))
    assert [due_ms for due_ms, _ in times] == [
        1_000_000,
        1_000_500,
        1_060_000,
        1_060_000,
        1_090_000,
    ]
    schedule = times[1][1].command
    assert isinstance(schedule, commands.DropSchedule)
    assert schedule.terms.opens_at_ms == 1_000_000 + 62_500 // 2
    assert schedule.terms.hold_ttl_ms == 2_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        *(("0s", 0), ("12s", 12_000), ("1.5s", 1_500), ("2m", 120_000), ("1m30s", 90_000)),
        *(("1h", 3_600_000), ("1h30m", 5_400_000), ("1d", 86_400_000)),
    ],
)
def test_a_duration_is_written_with_its_unit(text: str, ms: int) -> None:
    assert Duration.parse(text) == ms


@pytest.mark.parametrize("text", ["0s", "1.5s", "90s", "1h", "1h30m", "1h0.25s", "3d", "1d2h3m4s"])
def test_a_moment_is_told_as_it_was_written(text: str) -> None:
    assert str(Moment.parse(text)) == text


def test_only_what_is_due_later_may_be_days_away() -> None:
    assert Moment.parse("400d") == 400 * 86_400_000
    with pytest.raises(ValueError, match="longer than a day"):
        Duration.parse("2d")
    with pytest.raises(ValueError, match="longer than 400 days"):
        Moment.parse("400d1s")


@pytest.mark.parametrize("text", ["", "12", "s", "-1s", "1w", "1s2m", "99999s", 12, None, True])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"duration|day"):
        Duration.parse(text)


# -- what is wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("version: 1", "version: 2", 1, "version: '2' is not one of: 1"),
        ("title: An evening", "title: 2016", 2, "title: expected str, got int, not '2016'"),
        ("currency: CNY", "currency: RMB", 3, "currency: 'RMB' is not one of: CNY, HKD"),
        ("    supply: 10\n", "", 7, "drops[0].supply: missing"),
        ("    price_minor: 100\n", "", 7, "drops[0].price_minor: missing"),
        ("supply: 10", "supply: 0", 10, "drops[0].supply: expected int >= 1, not '0'"),
        ("supply: 10", "suply: 10", 10, "drops[0]: unknown field 'suply'; did you mean 'supply'?"),
        ("supply: 10", "supply: 2", 7, "drops[0]: perk for the first 3, but the supply is 2"),
        ("hold: 2s", "hold: 2", 12, "drops[0].hold: 2 is not a duration such as 12s"),
        ("hold: 2s", "hold: 0.5s", 7, "drops[0]: hold: 0.5s is shorter than 1s"),
        ("    hold: 2s", "    supply: 9", 12, "drops[0].supply: given twice"),
        ("drop_id: drop", "drop_id: a drop", 7, "drops[0].drop_id: 'a drop' is not a name"),
        ("push: watch", "push: clock", 15, "push: there is no card 'clock'"),
        ("push: watch", "push: watch, pin: watch", 15, "cues[0]: a cue has one action"),
        ("at: 0s, push: watch", "at: 0s", 15, "this one has none"),
        ("{drop: drop, opens", "{drop: other, opens", 16, "schedule: there is no drop 'other'"),
        ("opens: 1m2.5s", "opens: 0.5s", 16, "opens at 0.5s, before it is scheduled at 1s"),
        ("{at: 2m, pause: drop}", "{at: 0.5s, announce: Now}", 17, "time runs backwards"),
        ("at: 3m, end: show", "at: 3m, end: room", 19, "cues[4].end: 'room' is not one of: show"),
        ("{at: 2m, pause", "{at: 2m, end: show}\n  - {at: 2m, pause", 18, "has ended on line 17"),
        ("sku: watch-1, price", "sku: watch-2, price", 5, "'watch-2' is sold by no drop"),
        ("sku: watch-1, price_minor: 100", "sku: watch-1, price_minor: 99", 5, "card shows 99"),
        ("title: Watch, sku", "title: Watch, currency: EUR, sku", 5, "in EUR, the show in CNY"),
        ("cues:", "  - {card_id: watch}\ncues:", 14, "drops[1].drop_id: missing"),
        ("{at: 2m, pause: drop}", "[at, 2m]", 17, "cues[2]: a list of `name: value` lines"),
        ("{at: 2m, pause: drop}", "{at: 2m, draft: other}", 17, "draft: there is no drop 'other'"),
        ("{at: 2m, pause: drop}", "{at: 2m, invite: {viewers: []}}", 17, "viewers: at least 1"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    write: Write, old: str, new: str, line: int, what: str
) -> None:
    if what == "card_id: missing":  # a card among the drops
        what = "drops[1].drop_id: missing"
    assert GOOD.count(old) >= 1
    mistakes = wrong(write(GOOD.replace(old, new, 1)))
    assert any(at == line and what in said for at, said in mistakes), mistakes


def test_names_used_twice_are_told_with_the_first_place(write: Write) -> None:
    twice = GOOD.replace("drops:", "  - {card_id: watch, title: Again}\ndrops:")
    assert wrong(write(twice)) == [(6, "card_id 'watch' is used twice, first on line 5")]


def test_the_room_refuses_in_rehearsal_what_it_would_refuse_on_air(write: Write) -> None:
    pinned_too_early = GOOD.replace("{at: 0s, push: watch}", "{at: 0s, pin: watch}")
    assert wrong(write(pinned_too_early)) == [(15, "pin: no card watch on screen")]

    before_it_opens = GOOD.replace("{at: 2m, pause: drop}", "{at: 1m, pause: drop}")
    assert wrong(write(before_it_opens))[0] == (17, "pause: drop drop is scheduled")


def test_a_drop_that_was_not_paused_cannot_resume(write: Write) -> None:
    text = GOOD.replace("  - {at: 2m, pause: drop}\n", "")
    assert wrong(write(text)) == [(17, "resume: drop drop is open, not paused")]


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(write: Write) -> None:
    text = (
        GOOD.replace("currency: CNY", "currency: RMB")
        .replace("supply: 10", "supply: ten")
        .replace("push: watch", "push: clock")
        .replace("at: 3m", "at: soon")
    )
    assert [line for line, _ in wrong(write(text))] == [3, 10, 15, 19]


def test_a_broken_entry_is_still_known_by_its_name(write: Write) -> None:
    """A drop with a wrong supply is wrong once, not again at each of its cues."""
    assert len(wrong(write(GOOD.replace("supply: 10", "supply: ten")))) == 1


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "the file is empty"),
        ("version: 1\ntitle: [\n", 3, "not YAML"),
        ("- 1\n", 1, "a list of `name: value` lines belongs here"),
        ("version: 1\n--- \nversion: 1\n", 2, "not YAML"),
        ("version: !!python/object:os.system {}\n", 1, "could not determine a constructor"),
        ("title: " + "[" * 5_000, 1, "nested too deep"),
    ],
    ids=["empty", "cut off", "a list", "two documents", "a tag", "a tower"],
)
def test_a_file_that_is_no_show_at_all(write: Write, text: str, line: int, what: str) -> None:
    assert any(at == line and what in said for at, said in wrong(write(text)))


def test_a_section_that_is_no_list_is_one_mistake_and_not_one_for_each_name(write: Write) -> None:
    head, tail = GOOD.split("drops:")
    cues = tail[tail.index("cues:") :]
    assert wrong(write(f"{head}drops: none\n{cues}")) == [
        (6, "drops: expected array, got str, not 'none'")
    ]


def test_a_show_without_a_cue_is_none(write: Write) -> None:
    assert wrong(write(GOOD[: GOOD.index("cues:")] + "cues: []\n")) == [
        (14, "cues: at least 1, not 0")
    ]


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    assert wrong(tmp_path / "none.yaml") == [(1, "No such file or directory")]
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"version: 1\ntitle: \xe9\n")
    assert wrong(latin) == [(2, "not UTF-8 text")]


def test_a_file_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(1024**3)  # sparse: takes no room
    assert wrong(path) == [(1, "larger than 1,048,576 bytes")]
