"""The page of a run, and of many: what was to be shown is said, met or not, and drawn."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from loadtest import growth, page

SVG = "{http://www.w3.org/2000/svg}"


def sample(sockets: int, gateways: int, *, whole: bool = True) -> dict[str, Any]:
    return {
        "at_s": 100.0 + sockets,
        "available": 10_000_000 - 9 * sockets,
        "kernel": 1_000 + 8 * sockets,
        "gateways": gateways,
        "load": 500,
        "others": 300,
        "sockets": sockets,
        "whole": whole,
    }


def result(**told: Any) -> dict[str, Any]:
    row = {"count": 10, "p50_ms": 5, "p95_ms": 8, "p99_ms": 9, "last_ms": 10, "spread_ms": 5}
    return {
        "shape": "full_house",
        "viewers": 10,
        "in_crowds": 10,
        "gateways": 2,
        "sample": 20,
        "joined": 10,
        "peak": 10,
        "lost": 0,
        "gaps": 0,
        "audit": "clean up to seq 12",
        "audit_clean": True,
        "stopped": "",
        "passed": True,
        "frames": {"commerce": 40},
        "landmarks": {"ARRIVE drop.opened": 10, "ARRIVE card.pushed": 10},
        "figures": {
            "ARRIVE drop.opened": row,
            "ARRIVE card.pushed": row,
            "ASK cart.add": row,
            "ASK checkout": row,
        },
        "timeline": [(100, 0), (101, 10)],
        "scenes": [(100, "doors <open>"), (101, "close")],
        "arrivals": {"drop.opened": [(5, 6), (10, 4)]},
        "memory_before": sample(0, 2_000),
        "memory": [sample(0, 2_000), sample(20, 7_000), sample(21, 2_000, whole=False)],
        **told,
    }


def test_a_run_that_showed_everything_says_so() -> None:
    words = page.words_of(result())
    assert "NO " not in words
    assert "yes heard drop.opened: 10 of 10" in words


def test_a_run_that_missed_something_says_what() -> None:
    words = page.words_of(result(gaps=3, landmarks={"ARRIVE drop.opened": 9}))
    assert "NO  viewers who missed an announcement: 3" in words
    assert "NO  heard drop.opened: 9 of 10" in words


def counted(**told: Any) -> dict[str, Any]:
    return {"at_s": 101.5, "viewers": 1_000, "peak": 1_000, "slow_evictions": 0, **told}


@pytest.mark.parametrize(
    ("by_gateways", "line"),
    [
        ({}, "yes   of them at the end: 1,000; by the clients' 1,000"),
        ({"viewers": 990}, "yes   of them at the end: 990; by the clients' 1,000"),
        ({"viewers": 700}, "NO    of them at the end: 700; by the clients' 1,000"),
        ({"peak": 999}, "NO    by the gateways' count: 999"),
        ({"slow_evictions": 3}, "NO  closed for being slow: 3"),
    ],
)
def test_what_the_gateways_counted_is_believed(by_gateways: dict[str, int], line: str) -> None:
    words = page.words_of(
        result(
            **dict.fromkeys(("viewers", "in_crowds", "peak", "joined"), 1_000),
            landmarks={},
            timeline=[(100, 0), (101, 1_000), (103, 5)],
            scenes=[(100, "doors open"), (102, "close")],
            counted=[counted(**by_gateways), counted(at_s=103.5, viewers=0)],
        )
    )
    assert line in words.splitlines()
    assert ("NO " in words) == line.startswith("NO ")


def test_a_run_whose_gateways_nobody_could_ask_has_not_shown_it() -> None:
    assert "NO  counted by the gateways: nobody asked" in page.words_of(result(counted=[]))


def test_memory_is_of_the_fullest_moment_at_which_processes_were_asked() -> None:
    assert page.per_viewer(result())["gateways"] == 500
    assert page.per_viewer(result())["kernel"] == 16


def test_the_page_is_well_formed_and_escapes_what_it_is_told() -> None:
    told = page.html_of(result(bare={"deliveries_per_s": 2_000}))
    assert "doors <open>" not in told
    plots = re.findall(r"<svg.*?</svg>", told)
    assert len(plots) == 3
    for plot in plots:
        ElementTree.fromstring(plot)


def test_a_run_that_was_stopped_early_has_a_page_all_the_same() -> None:
    early = {"viewers": 10, "gateways": 2, "stopped": "stopped: memory", "audit": ""}
    early |= {"audit_clean": False, "passed": False}
    early |= {"memory_before": sample(0, 1), "memory": []}
    assert "stopped: memory" in page.words_of(early)
    assert "<h1" in page.html_of(early)


def test_sizes_are_drawn_against_each_other() -> None:
    told = growth.html_of([result(), result(viewers=100)])
    assert told.count("<svg") == 3
    assert "<td" in told
    assert "<svg" not in growth.html_of([])


def test_the_plots_are_a_picture_too() -> None:
    for told, plots in (
        (page.picture_of(result(cores=2)), 3),
        (growth.picture_of([result(cores=2), result(viewers=100)]), 3),
        (growth.picture_of([]), 0),
    ):
        drawn = ElementTree.fromstring(told)
        assert len(drawn.findall(f"{SVG}svg/{SVG}svg")) == plots


def test_files_are_named_for_their_size() -> None:
    assert [page.short(size) for size in (770_000, 1_000_000, 1_500, 50)] == [
        *("770k", "1m", "1500", "50")
    ]
