"""The benchmarks run, on real processes, and their figures are figures of this run."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from loadtest.bench.fanout_crowd import Spread

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


def bench(name: str, directory: Path, options: str) -> dict[str, Any]:
    """Run one benchmark in `directory` and return what it wrote there."""
    run = subprocess.run(
        [sys.executable, "-m", f"loadtest.bench.{name}", *shlex.split(options)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    document: dict[str, Any] = json.loads((directory / f"var/bench/{name}.json").read_text())
    return document


def test_fan_out_is_measured_with_instruments_on_and_off_and_with_a_scrape_under_way(
    free_dir: Path,
) -> None:
    sides = ("floor", "ours", "ours+instruments")
    document = bench("fanout", free_dir, f"--viewers 600 --rounds 2 --only {','.join(sides)}")
    for side in sides:
        assert document["servers"][side]["delivery_us"] > 0
    samples = document["samples"]["ours+instruments"]
    for figure in ("broadcast_ms", "broadcast_beside_ms", "broadcast_scraped_ms", "scrape_cpu_ms"):
        assert len(samples[figure]) == 2
        assert min(samples[figure]) > 0
    assert document["measuring"]["fanout_ratio_on_to_off"] > 0
    assert 0 < document["measuring"]["scrape_ms"] < 1_000


def test_the_spread_of_arrivals_is_measured_at_the_viewers_of_every_server(free_dir: Path) -> None:
    sides = ("floor", "ours", "websockets")
    document = bench("fanout", free_dir, f"--viewers 600 --rounds 2 --only {','.join(sides)}")
    for side in sides:
        row = document["servers"][side]
        assert 0 < row["spread_p50_ms"] <= row["spread_p99_ms"] <= row["spread_last_ms"]
        assert row["spread_ratio_to_floor"] > 0
        assert len(document["samples"][side]["spreads"]) == 2
    picture = ElementTree.parse(free_dir / "var/bench/fanout.svg").getroot()
    words = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("websockets.broadcast") == 4  # a bar in each panel
    assert f"{document['servers']['ours']['viewer_bytes']:,.0f}" in words


def test_peers_that_are_programs_are_measured_from_outside_or_named_as_absent(
    free_dir: Path,
) -> None:
    peers = ("ws", "nchan")
    document = bench("fanout", free_dir, f"--viewers 600 --rounds 1 --only floor,{','.join(peers)}")
    assert document["servers"].keys() | document["absent"].keys() == {"floor", *peers}
    for peer, how in document["absent"].items():
        assert peer not in document["servers"]
        assert "install" in how
    for peer in document["versions"]:
        row = document["servers"][peer]
        assert min(row["delivery_us"], row["viewer_bytes"], row["handshakes_per_s"]) > 0


def test_the_spread_counts_from_the_first_arrival() -> None:
    spread = Spread.of([1_000_000 * place for place in range(5, 105)])
    assert spread == Spread(p50_ms=49.0, p99_ms=98.0, last_ms=99.0)


def test_compression_is_measured_on_and_off(free_dir: Path) -> None:
    document = bench("compression", free_dir, "--viewers 200 --rounds 2")
    for kind, row in document["frames"].items():
        assert row["delivery_us_off"] > 0
        assert row["bytes_on"] <= row["bytes_off"], kind
    assert document["minute_wire_bytes"]["on"] < document["minute_wire_bytes"]["off"]
    assert document["minute_cpu_ratio_on_to_off"] > 0


def test_commands_during_a_broadcast_are_measured_beside_those_at_rest(free_dir: Path) -> None:
    document = bench("slices", free_dir, "--viewers 1500 --rounds 2")
    assert document["broadcast_ms"] > 0
    for when in ("at_rest", "during"):
        assert document[when]["asked"] > 0
        assert 0 < document[when]["p50_ms"] <= document[when]["most_ms"]


def test_viewers_who_do_not_read_are_measured_beside_those_who_do(free_dir: Path) -> None:
    document = bench("sloths", free_dir, "--viewers 200 --rounds 1")
    assert document["sloths"] == 10
    assert document["p99_ratio"] > 0
    assert document["sloth_bytes"] < 64 * 1024


def test_an_idle_viewer_is_weighed_in_a_whole_gateway(free_dir: Path) -> None:
    document = bench("weight", free_dir, "--viewers 3000")
    assert 300 < document["another_viewer_bytes"] < 600
    assert document["viewer_bytes"] <= document["viewer_bytes_after_a_while"]
    assert document["gateway_bytes_at_rest"] > 2**20


def test_the_counters_decisions_are_measured_beside_the_usual_design(free_dir: Path) -> None:
    document = bench("counter", free_dir, "--rounds 1 --seconds 0.3 --clients 2 --in-flight 20")
    for side in ("place", "pay", "evalsha"):
        assert document["sides"][side]["decisions_per_s"] > 0
        assert 0 < document["sides"][side]["p50_ms"] <= document["sides"][side]["p99_ms"]
    assert document["sides"]["place"]["engine_us_per_decision"] > 0
    assert not (free_dir / "var/bench/redis").exists()


def test_a_take_over_is_measured_with_and_without_a_snapshot(free_dir: Path) -> None:
    document = bench("restart", free_dir, "--facts 500")
    (room,) = document["rooms"]
    assert room["facts"] >= 500
    for kind in ("log", "snapshot"):
        assert room[kind]["seconds"] > room[kind]["reading_s"] > 0
        assert room[kind]["stored_bytes"] > 0


def test_the_report_after_a_show_is_measured_beside_reading_its_log(free_dir: Path) -> None:
    document = bench("aftermath", free_dir, "--facts 500")
    (room,) = document["rooms"]
    assert room["facts"] >= 500
    assert room["orders"] == 200
    assert min(room["seconds"], room["reading_s"]) > 0
    assert room["page_s"] > 0
