"""The crowd that a seed brings."""

from pathlib import Path

import pytest
from msgspec import structs

from livestream import commands
from livestream.demo.temper import DEMAND, gather, supply_of, wanted_of
from livestream.show import Show, load_show

SHOWS = sorted((Path(__file__).parents[3] / "shows").glob("*.yaml"))


def read(path: Path) -> Show:
    show = load_show(path)
    assert isinstance(show, Show)
    return show


@pytest.fixture(params=SHOWS, ids=lambda path: str(path.stem))
def show(request: pytest.FixtureRequest) -> Show:
    return read(request.param)


def test_the_same_seed_brings_the_same_crowd_and_another_one_another(show: Show) -> None:
    assert gather(show, 50, 7) == gather(show, 50, 7)
    assert gather(show, 50, 7) != gather(show, 50, 8)


@pytest.mark.parametrize("seed", range(20))
def test_300_viewers_want_more_than_there_is(show: Show, seed: int) -> None:
    wanted = wanted_of(gather(show, 300, seed))
    assert all(wanted[drop_id] >= DEMAND * units for drop_id, units in supply_of(show).items())


@pytest.mark.parametrize("viewers", [1, 10, 300])
def test_nobody_wants_more_than_the_limit_allows(show: Show, viewers: int) -> None:
    limits = {terms.drop_id: terms.limit_per_viewer for terms in show.drops}
    for temper in gather(show, viewers, 1):
        for errand in temper.errands:
            assert 1 <= errand.units <= limits[errand.drop_id]


def test_restocks_count_as_supply() -> None:
    bags = read(next(path for path in SHOWS if path.stem == "dior-wechat"))
    assert supply_of(bags)["bag"] == 200


def test_a_crowd_of_300_has_everybody_in_it(show: Show) -> None:
    """Each way to behave is there, or the demo shows less than it says."""
    crowd = gather(show, 300, 3)
    errands = [errand for temper in crowd for errand in temper.errands]
    assert len({temper.viewer for temper in crowd}) == 300
    assert {temper.channel for temper in crowd} == {"tmall", "wechat", "xiaohongshu"}
    assert {errand.token.split("_")[1] for errand in errands} == {
        "approve",
        "decline",
        "delay",
        "twice",
        "late",
    }
    assert {errand.loses for errand in errands} == {
        "nothing",
        "cart.add",
        "checkout",
        "order.pay",
    }
    assert any(errand.hesitates for errand in errands)
    assert any(temper.cuts for temper in crowd)
    assert any(temper.leaves_s is not None for temper in crowd)
    assert any(temper.joins_s > 0 for temper in crowd)
    assert any(temper.joins_s < 0 for temper in crowd)


def test_nobody_leaves_anything_to_expire_where_that_takes_minutes(show: Show) -> None:
    def patient(command: commands.HostCommand) -> commands.HostCommand:
        if not isinstance(command, commands.DropSchedule):
            return command
        terms = structs.replace(command.terms, hold_ttl_ms=120_000, pay_ttl_ms=300_000)
        return commands.DropSchedule(terms)

    cues = [structs.replace(cue, command=patient(cue.command)) for cue in show.cues]
    crowd = gather(structs.replace(show, cues=cues), 300, 3)
    errands = [errand for temper in crowd for errand in temper.errands]
    assert not any(errand.hesitates or "late" in errand.token for errand in errands)
