"""Many worlds, over all cores: `make simulate SEEDS=1000`. One of them: `make simulate SEED=7`.

The same seed plays the same world, byte for byte, on every machine and under every version of
Python here. Status 1 if a world was not in order; its seed and what was wrong are printed at once.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import traceback
from collections import Counter as Tally
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from msgspec import Struct

from tests.simulation.world import World

#: Failures that are told in full; more of them say nothing new.
TOLD_MAX = 5


class Result(Struct):
    """What came of one world."""

    seed: int
    problems: list[str]
    figures: Tally[str]
    digest: str
    story: str = ""


def play(seed: int) -> Result:
    """Play one world. What it raises is a problem like any other."""
    world = World(seed)
    try:
        world.play()
        problems = world.problems()
    except Exception:
        problems = [traceback.format_exc()]
    story = world.story() if problems else ""
    return Result(seed, problems, world.figures(), world.digest(), story)


def tell(result: Result) -> str:
    """What went wrong, and how to see it again."""
    return "\n".join(
        [
            f"seed {result.seed} is not in order; again with: make simulate SEED={result.seed}",
            *(f"  {problem}" for problem in result.problems[:TOLD_MAX]),
            "its last facts (seq, ms since the beginning, fact):",
            result.story,
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """See the top of this page."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many worlds")
    parser.add_argument("--first", type=int, help="the first seed; without it one is drawn")
    parser.add_argument("--seed", type=int, help="play this one and tell how it went")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        return _again(asked.seed)
    first = random.SystemRandom().randrange(10**9) if asked.first is None else asked.first
    return _many(range(first, first + asked.seeds), asked.processes)


def _again(seed: int) -> int:
    result = play(seed)
    _print_figures(result.figures)
    print(f"seed {seed}: {result.digest}")
    if result.problems:
        print(tell(result))
    return bool(result.problems)


def _many(seeds: range, processes: int) -> int:
    print(
        f"{len(seeds):,} worlds, seeds {seeds[0]} to {seeds[-1]}, {processes} processes", flush=True
    )
    started_s = time.perf_counter()
    figures: Tally[str] = Tally()
    failed: list[int] = []
    with ExitStack() as stack:
        if processes == 1:
            results: Iterable[Result] = map(play, seeds)
        else:
            pool = stack.enter_context(ProcessPoolExecutor(processes))
            results = pool.map(play, seeds, chunksize=max(1, min(20, len(seeds) // processes)))
        for result in results:
            figures.update(result.figures)
            if result.problems:
                failed.append(result.seed)
                if len(failed) <= TOLD_MAX:
                    print(tell(result), flush=True)
    _print_figures(figures)
    took_s = time.perf_counter() - started_s
    print(f"{len(failed):,} of them not in order, {took_s:.0f} s")
    if failed:
        print(f"seeds: {failed}")
    return bool(failed)


def _print_figures(figures: Tally[str]) -> None:
    print(", ".join(f"{number:,} {name}" for name, number in figures.items()))


if __name__ == "__main__":
    sys.exit(main())
