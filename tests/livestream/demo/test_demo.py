"""`livestream demo` as it is typed: short shows, real server, real crowd."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from livestream.config import Settings
from livestream.demo import run_demo
from tests.processes import within

DEMO_S_MAX = 120

SHORT = """\
version: 1
title: A short evening
currency: CNY
cards:
  - {card_id: watch, title: Watch, sku: watch-1, price_minor: 3880000}
drops:
  - drop_id: watch
    sku: watch-1
    title: Watch
    supply: 40
    price_minor: 3880000
    limit_per_viewer: 2
    hold: 1s
    pay_within: 2s
    perks: [{perk_id: bellboy, name: Bellboy, first_n: 10}]
  - {drop_id: strap, sku: strap-1, title: Strap, supply: 12, price_minor: 99}
cues:
  - {at: 0s, push: watch}
  - {at: 0.2s, schedule: {drop: watch, opens: 1s}}
  - {at: 4s, schedule: {drop: strap}}
  - {at: 5s, open: strap}
  - {at: 10s, end: show}
"""


@pytest.fixture
def write(free_dir: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = free_dir / "short.yaml"
        path.write_text(text)
        return path

    return write


@contextmanager
def a_demo(free_dir: Path, show: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command, and the promise that it leaves no process behind."""
    command = [sys.executable, "-m", "livestream", "demo", f"--show={show}"]
    command += [f"--var-dir={free_dir / 'var'}", "--control-port=0", "--gateway-port=0"]
    with (free_dir / "out").open("w") as out:
        process = subprocess.Popen([*command, *options], stdout=out, stderr=out, text=True)
    try:
        yield process
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if alive(process) else []
        if alive(process):
            process.kill()
            process.wait()
            psutil.wait_procs(family, timeout=10)


def in_brief(show: str) -> str:
    """The same show, less everything from 5 s on."""
    return show[: show.index("  - {at: 5s")] + "  - {at: 6s, end: show}\n"


def alive(process: subprocess.Popen[str]) -> bool:
    return process.poll() is None


def said(free_dir: Path) -> str:
    return (free_dir / "out").read_text()


def log_of(free_dir: Path) -> Path:
    (log,) = (free_dir / "var").glob("demo-*/serve.log")
    return log


def engine_pid(free_dir: Path) -> int | None:
    """The engine that owned the room last, from the server's log."""
    lines = map(json.loads, log_of(free_dir).read_text().splitlines())
    pids = [line["pid"] for line in lines if line.get("message") == "room.owned"]
    return int(pids[-1]) if pids else None


@pytest.mark.slow
def test_a_demo_sells_everything_and_ends_clean(
    free_dir: Path, write: Callable[[str], Path]
) -> None:
    with a_demo(free_dir, write(SHORT), "--exit", "--viewers=40", "--seed=1") as process:
        status = process.wait(DEMO_S_MAX)
    text = " ".join(said(free_dir).split())
    assert status == 0, text
    assert "panel http://127.0.0.1:" in text
    assert "Watch: 40 of 40" in text
    assert "Bellboy: 10 of 10" in text
    assert "Strap: 12 of 12" in text
    assert "GMV CNY 1,552,011.88" in text
    assert "All that viewers were told is in the log, to the fen." in text


@pytest.mark.long
def test_a_demo_ends_clean_even_if_the_engine_is_killed_in_the_rush(
    free_dir: Path, write: Callable[[str], Path]
) -> None:
    with a_demo(free_dir, write(SHORT), "--exit", "--viewers=40", "--seed=2") as process:
        assert within(60, lambda: "schedule Watch" in said(free_dir))
        time.sleep(1.2)
        pid = engine_pid(free_dir)
        assert pid is not None
        psutil.Process(pid).kill()
        status = process.wait(DEMO_S_MAX)
    assert status == 0, said(free_dir)
    assert engine_pid(free_dir) != pid


@pytest.mark.long
def test_units_that_nobody_got_though_they_were_wanted_make_the_status_1(
    free_dir: Path, write: Callable[[str], Path]
) -> None:
    """The verdict can say no: here the host closes the drop on the run for it."""
    closed = SHORT.replace("{at: 4s, schedule: {drop: strap}}", "{at: 1.2s, close: watch}")
    with a_demo(free_dir, write(in_brief(closed)), "--exit", "--viewers=40", "--seed=3") as process:
        status = process.wait(DEMO_S_MAX)
    assert status == 1, said(free_dir)
    assert "of 40, though more were wanted" in said(free_dir)


@pytest.mark.long
def test_a_crowd_too_small_for_the_supply_is_told_and_is_no_fault(
    free_dir: Path, write: Callable[[str], Path]
) -> None:
    with a_demo(free_dir, write(in_brief(SHORT)), "--exit", "--viewers=3", "--seed=4") as process:
        status = process.wait(DEMO_S_MAX)
    assert status == 0, said(free_dir)
    assert "the crowd is too small to buy all of it" in " ".join(said(free_dir).split())


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_demo_leaves_nothing_behind(
    free_dir: Path, write: Callable[[str], Path], how: signal.Signals
) -> None:
    with a_demo(free_dir, write(SHORT), "--viewers=20") as process:
        assert within(60, lambda: "push Watch" in said(free_dir))
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 5  # serve, Redis, engine, control, gateways
        process.send_signal(how)
        assert process.wait(60) == 130
        assert psutil.wait_procs(family, timeout=5)[1] == []
    assert "Traceback" not in said(free_dir)


def test_a_wrong_show_is_told_before_anything_starts(
    free_dir: Path, write: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(SHORT.replace("supply: 40", "supply: 4").replace("title: Strap", "titel: Strap"))
    settings = Settings.load({}, var_dir=free_dir / "var")
    assert run_demo(settings, viewers=3, show=path, exit_when_done=True) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{path}:7: drops[0]: perk for the first 10, but the supply is 4",
        f"{path}:16: drops[1].title: missing",
        f"{path}:16: drops[1]: unknown field 'titel'; did you mean 'title'?",
    ]
    assert not (free_dir / "var").exists()
