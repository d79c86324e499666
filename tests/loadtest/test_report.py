"""Benchmarks' figures: what is printed, and when a mark counts as reached."""

from pathlib import Path

import pytest

from loadtest.bench import report
from loadtest.bench.report import Figure, Mark


def test_a_mark_can_be_a_least() -> None:
    assert Figure("decisions", 60_000, "/s", mark=Mark("least", 60_000)).verdict == "reached"
    assert Figure("decisions", 59_999, "/s", mark=Mark("least", 60_000)).verdict == "missed"


def test_a_mark_can_be_a_most() -> None:
    assert Figure("memory", 265, "bytes", mark=Mark("most", 1_200)).verdict == "reached"
    assert Figure("memory", 1_201, "bytes", mark=Mark("most", 1_200)).verdict == "missed"


def test_a_mark_can_be_about_the_ratio_to_what_stands_beside() -> None:
    mark = Mark("most", 1.25)
    close = Figure("delivery", 10.0, "µs", 9.0, "os.write", mark, mark_on="ratio")
    far = Figure("delivery", 12.0, "µs", 9.0, "os.write", mark, mark_on="ratio")
    assert (close.verdict, far.verdict) == ("reached", "missed")


def test_without_a_mark_there_is_no_verdict() -> None:
    assert Figure("engine CPU each", 11.0, "µs").verdict == ""


def test_the_table_shows_each_figure_beside_its_floor_with_its_mark() -> None:
    mark = Mark("least", 60_000)
    lines = report.table([Figure("decisions", 71_234.5, "/s", 20_000, "one EVALSHA each", mark)])
    header, rule, row = lines.splitlines()
    assert header.split() == ["figure", "ours", "beside", "it", "ratio", "mark"]
    assert set(rule) == {"─"}
    words = " ".join(row.split())
    assert words == "decisions 71,234 /s 20,000 one EVALSHA each 3.56 ≥ 60,000 reached"


def test_what_was_written_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "DIRECTORY", tmp_path / "var" / "bench")
    report.write("fanout", {"viewers": 10_000})
    document = report.read("fanout")
    assert document["viewers"] == 10_000
    assert set(document["machine"]) == {"cores", "python", "system", "architecture"}
