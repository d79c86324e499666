"""The load test as a user runs it: real server, real Locust, real viewers, and a verdict that can
be "no".
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_spec("locust") is None, reason="locust is not here: make load"),
]

ROOT = Path(__file__).parents[2]


def test_a_room_fills_runs_for_the_drop_and_everybody_hears_everything(free_dir: Path) -> None:
    told = _run(free_dir, "--viewers", "50", "--seconds", "30", "--processes", "2")
    assert "50 viewers joined" in told
    assert " 0 gaps" in told, told
    result = json.loads((free_dir / "the_drop-50.json").read_text())
    rows = result["figures"]
    assert rows["JOIN enter"]["count"] == 50
    assert rows["ARRIVE drop.opened"]["count"] >= 40, "people may be in a tunnel"
    sold = rows["ASK cart.add to paid"]["count"]
    assert 1 <= sold <= 7, "72 % of five shoppers and five in the crowds, if the machine let them"
    assert "DELIVER commerce (1 in 20)" in rows
    assert (result["gaps"], result["load_processes"]) == (0, 2)
    assert "clean" in (free_dir / "audit.txt").read_text()
    assert (free_dir / "report.html").stat().st_size > 0
    assert "<svg" in (free_dir / "the_drop-50.html").read_text()
    assert not [one for one in psutil.process_iter(["cmdline"]) if _belongs(one, free_dir)]


def test_after_a_storm_everybody_is_back_and_missed_nothing(free_dir: Path) -> None:
    told = _run(free_dir, "--shape", "storm_return", "--viewers", "60", "--seconds", "30")
    assert " 0 gaps" in told, told
    result = json.loads((free_dir / "storm_return-60.json").read_text())
    assert result["landmarks"]["ARRIVE card.pushed"] == 60, "it was shown during the storm"
    assert result["figures"]["JOIN return"]["count"] >= 48, "all in crowds, and people too"


def _run(directory: Path, *arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "loadtest", "--directory", str(directory), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    told = run.stdout + run.stderr
    assert run.returncode == 0, told
    return told


def _belongs(process: psutil.Process, directory: Path) -> bool:
    return any(str(directory) in word for word in process.info["cmdline"] or ())
