"""The load test as a user runs it: real server, real Locust, real viewers, and a verdict that can
be "no".
"""

import csv
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("locust") is None, reason="locust is not here: make load"),
]

ROOT = Path(__file__).parents[2]


def test_a_room_fills_runs_for_the_drop_and_everybody_hears_everything(free_dir: Path) -> None:
    run = subprocess.run(
        [
            *(sys.executable, "-m", "loadtest", "--directory", str(free_dir)),
            *("--viewers", "50", "--seconds", "30", "--processes", "2"),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    told = run.stdout + run.stderr
    assert run.returncode == 0, told
    assert "50 viewers joined" in run.stdout, told
    assert " 0 gaps" in run.stdout, told
    with (free_dir / "stats_stats.csv").open() as file:
        rows = {(row["Type"], row["Name"]): row for row in csv.DictReader(file)}
    assert int(rows["JOIN", "enter"]["Request Count"]) == 50
    assert int(rows["ARRIVE", "drop.opened"]["Request Count"]) >= 40, "people may be in a tunnel"
    sold = int(rows["ASK", "cart.add to paid"]["Request Count"])
    assert 1 <= sold <= 7, "72 % of five shoppers and five in the crowds, if the machine let them"
    assert ("DELIVER", "commerce (1 in 20)") in rows
    assert ("GAP", "commerce") not in rows
    assert "clean" in (free_dir / "audit.txt").read_text()
    assert (free_dir / "report.html").stat().st_size > 0
    assert json.loads((free_dir / "the_drop-50.json").read_text())["load_processes"] == 2
    assert "<svg" in (free_dir / "the_drop-50.html").read_text()
    assert not [one for one in psutil.process_iter(["cmdline"]) if _belongs(one, free_dir)]


def _belongs(process: psutil.Process, directory: Path) -> bool:
    return any(str(directory) in word for word in process.info["cmdline"] or ())
