"""Hundreds of worlds, drawn from the seed of the run, must be in order; so must a full house.

`make simulate SEEDS=1000` plays more of them, over all cores; `make simulate SEED=N` plays one
again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import get_args

import pytest

from livestream.facts import AnyFact
from tests.simulation import __main__ as simulate
from tests.simulation.planted import nobody_has_a_limit
from tests.simulation.world import Scale, played

WORLDS = 320
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_worlds_of_this_run_are_in_order(part: int, seed: int) -> None:
    first = (seed * WORLDS) % 10**9 + part * (WORLDS // PARTS)
    for number in range(first, first + WORLDS // PARTS):
        result = simulate.play(number)
        assert not result.problems, simulate.tell(result)


@pytest.mark.slow
def test_a_full_house_of_thousands_is_in_order(seed: int) -> None:
    crowd = Scale(shoppers=4_000, drops=3, supply_max=600, show_ms=120_000)
    world = played(seed, crowd)
    assert world.problems() == []
    figures = world.figures()
    assert figures["answers"] > 10_000
    assert figures["paid"] > 0


def test_the_same_seed_is_the_same_world_byte_for_byte() -> None:
    again = [played(seed).digest() for seed in (7, 8)]
    assert [played(seed).digest() for seed in (7, 8)] == again
    assert again[0] != again[1]


def test_and_it_is_in_another_process_whose_strings_hash_otherwise() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", "7"],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"seed 7: {played(7).digest()}" in run.stdout


def test_worlds_are_as_wild_as_they_are_meant_to_be() -> None:
    """Otherwise that they are in order would say little."""
    total = simulate.play(0).figures
    for seed in range(1, 60):
        total.update(simulate.play(seed).figures)
    assert total["engines"] > 1.5 * total["worlds"], "engines die and are replaced"
    assert total["fenced"] > 10, "some of them while they still work"
    assert total["troubles"] > 1_000, "calls fail and are late"
    assert total["orders"] > 500
    assert total["paid"] > 300


def test_every_kind_of_fact_happens_somewhere() -> None:
    """A feature that no habit and no move makes use of would be in order all by itself."""
    never = set(get_args(AnyFact))
    for seed in range(600):
        for _, record in played(seed).records():
            never -= {type(fact) for fact in record.facts}
        if not never:
            return
    assert never == set()


# -- the program -------------------------------------------------------------------------------


def test_worlds_in_order_end_with_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate.main(["--seeds", "4", "--first", "100", "--processes", "2"]) == 0
    told = capsys.readouterr().out
    assert "4 worlds, seeds 100 to 103" in told
    assert "0 of them not in order" in told


def test_a_world_that_is_not_in_order_is_told_with_its_seed_and_happens_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody_has_a_limit(monkeypatch)
    assert simulate.main(["--seeds", "6", "--first", "0", "--processes", "1"]) == 1
    told = capsys.readouterr().out
    seed = int(told.split("make simulate SEED=")[1].split()[0])
    problem = told.split(f"make simulate SEED={seed}\n")[1].splitlines()[0]
    assert "whose limit is" in problem
    assert simulate.main(["--seed", str(seed)]) == 1
    assert problem in capsys.readouterr().out
