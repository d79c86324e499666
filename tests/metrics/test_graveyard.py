"""The dead keep what they counted, and take no room."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metrics.exposition import SHARED_DIR_VARIABLE
from metrics.graveyard import bury

# A parent whose child counts, and dies, again and again; and who scrapes after each death, before
# and after the burial.
MANY_DEATHS = """
import json, os, re, signal, sys
from pathlib import Path
from metrics import catalog
from metrics.exposition import render
from metrics.graveyard import bury

shared = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
files, seen = [], []

def told():
    text = render().decode()
    name = "livestream_frames_sent_total", "livestream_append_seconds_count"
    seen.append([float(re.search(rf"^{n} (.*)$", text, re.M)[1]) for n in name])

for death in range(30):
    pid = os.fork()
    if pid == 0:
        catalog.FRAMES_SENT.inc(10)
        catalog.CONNECTIONS.labels("r").set(5)
        catalog.APPEND_SECONDS.observe(0.003)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    told()
    bury(shared, pid)
    told()
    files.append(len(list(shared.glob("*.db"))))
json.dump({"files": files, "seen": seen, "text": render().decode()}, sys.stdout)
"""


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-c", MANY_DEATHS],
        env={**os.environ, SHARED_DIR_VARIABLE: str(tmp_path_factory.mktemp("metrics"))},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=True,
    )
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def test_the_thirtieth_death_leaves_no_more_files_than_the_first(
    deaths: dict[str, Any],
) -> None:
    assert len(set(deaths["files"])) == 1


def test_no_count_is_lost_or_doubled_by_a_burial(deaths: dict[str, Any]) -> None:
    expected = [[10.0 * n, float(n)] for n in range(1, 31) for _ in ("before", "after")]
    assert deaths["seen"] == expected


def test_nothing_is_left_of_what_the_dead_were(deaths: dict[str, Any]) -> None:
    assert 'livestream_connections{room="r"}' not in deaths["text"]


def test_who_counted_nothing_is_buried_too(tmp_path: Path) -> None:
    (tmp_path / "counter_17.db").touch()
    bury(tmp_path, 17)
    bury(tmp_path, 18)
    assert [path.name for path in tmp_path.glob("*.db")] == []
