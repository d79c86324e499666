"""How it grows: a full house of each size, one after the other, and what changes with the size.

    python -m loadtest.growth 10000 50000 100000

Leaves var/load/growth.json, growth.html and growth.svg with plots of memory per viewer, arrival
time and checkout p99 against size, made of each run's own SIZE.json; runs that are there from
before and are not asked for again are in it too, so without sizes it draws what is there. Stops at
the first run that does not pass.

Owns the list. Refuses to know how a run is made.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from livestream.report.html import POLICY, STYLE
from livestream.report.markup import Markup, element
from livestream.report.pieces import figure, note, section, table
from livestream.report.words import compact
from loadtest import page
from loadtest.picture import picture
from loadtest.plots import Axis, Line, line_plot

REPOSITORY: Final = Path(__file__).parents[1]


def main() -> int:
    """The status of the first run that failed, or 0."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.growth", description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", help="viewers of each run; none: only draw")
    parser.add_argument("--directory", type=Path, default=Path("var/load"))
    options = parser.parse_args()
    directory: Path = options.directory.resolve()
    status = 0
    for viewers in options.sizes:
        status = _run(directory, viewers)
        if status:
            break
    runs = kept_runs(directory)
    (directory / "growth.json").write_text(json.dumps([figures_of(run) for run in runs], indent=1))
    (directory / "growth.html").write_text(html_of(runs))
    (directory / "growth.svg").write_text(picture_of(runs))
    print(f"{directory / 'growth.html'}: {len(runs)} sizes")
    return status


def kept_runs(directory: Path) -> list[dict[str, Any]]:
    """Every full house that passed, by size."""
    found = (json.loads(path.read_text()) for path in directory.glob("*.json"))
    runs = [run for run in found if isinstance(run, dict) and run.get("shape") == "full_house"]
    return sorted((run for run in runs if run.get("passed")), key=lambda run: int(run["viewers"]))


def figures_of(run: dict[str, Any]) -> dict[str, Any]:
    """What is compared between sizes."""
    figures = run["figures"]
    return {
        "viewers": run["viewers"],
        "gateways": run["gateways"],
        "bytes_per_viewer": page.per_viewer(run),
        "drop_arrival": figures.get("ARRIVE drop.opened", {}),
        "card_arrival": figures.get("ARRIVE card.pushed", {}),
        "cart_add": figures.get("ASK cart.add", {}),
        "checkout": figures.get("ASK checkout", {}),
        "deliveries_per_s": page.broadcast_per_s(run),
        "bare_deliveries_per_s": run.get("bare", {}).get("deliveries_per_s"),
        "gaps": run["gaps"],
        "lost": run["lost"],
    }


def html_of(runs: Sequence[dict[str, Any]]) -> str:
    """The page."""
    rows = [figures_of(run) for run in runs]
    plots = [figure(title, plot) for title, plot in _plots(rows)]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", "How it grows"),
        Markup(f"<style>{STYLE}</style>"),
    )
    about = note(
        "Each size is one run on this machine with both ends on it: server, Redis and load share "
        "its cores, so arrival times here are the machine's, not a gateway's."
    )
    parts = (section("plots", "Against size", *plots), section("figures", "Figures", _table(rows)))
    main = element("main", element("h1", "How it grows"), *parts, about, class_="report")
    return f"<!doctype html>\n{element('html', head, element('body', main), lang='en')}\n"


def picture_of(runs: Sequence[dict[str, Any]]) -> str:
    """The plots, as a picture for documents."""
    sizes = ", ".join(page.short(run["viewers"]) for run in runs)
    about = f"both ends on {runs[0]['cores']} cores; {sizes} viewers" if runs else "no runs"
    told = _plots([figures_of(run) for run in runs])
    return picture("How it grows", f"{about}; made by python -m loadtest.growth", told)


def _run(directory: Path, viewers: int) -> int:
    arguments = ("--shape", "full_house", "--viewers", str(viewers), "--bare")
    return subprocess.run(
        [sys.executable, "-m", "loadtest", *arguments, "--directory", str(directory)],
        cwd=REPOSITORY,
    ).returncode


def _plots(rows: Sequence[dict[str, Any]]) -> list[tuple[str, Markup]]:
    """Each under its title."""
    by_factor = Axis("viewers", tell=lambda value: compact(float(value)), log=True)
    by_count = by_factor._replace(log=False)  # where a straight line is what is to be seen
    plots = (
        ("memory", "Memory per viewer", by_factor, "bytes", _weights(rows)),
        ("arrival", "Arrival of the drop's opening", by_count, "ms", _times(rows)),
        ("checkout", "Answers, 99th percentile", by_factor, "ms", _answers(rows)),
    )
    return [
        (title, line_plot(plot_id, title, size, Axis(unit), lines))
        for plot_id, title, size, unit, lines in plots
        if rows
    ]


def _weights(rows: Sequence[dict[str, Any]]) -> list[Line]:
    return [
        Line(kind, [(row["viewers"], row["bytes_per_viewer"][kind]) for row in rows])
        for kind in ("gateways", "load", "kernel")
    ]


def _times(rows: Sequence[dict[str, Any]]) -> list[Line]:
    return [
        Line(key.removesuffix("_ms"), _points(rows, "drop_arrival", key))
        for key in ("p50_ms", "p99_ms", "last_ms")
    ]


def _answers(rows: Sequence[dict[str, Any]]) -> list[Line]:
    return [Line(name, _points(rows, name, "p99_ms")) for name in ("cart_add", "checkout")]


def _points(rows: Sequence[dict[str, Any]], name: str, key: str) -> list[tuple[float, float]]:
    return [(row["viewers"], row[name][key]) for row in rows if key in row[name]]


def _table(rows: Sequence[dict[str, Any]]) -> Markup:
    told = [
        (
            f"{row['viewers']:,}",
            str(row["gateways"]),
            f"{row['bytes_per_viewer']['gateways']:,.0f}",
            f"{row['bytes_per_viewer']['kernel']:,.0f}",
            f"{row['drop_arrival'].get('p50_ms', 0):,}",
            f"{row['drop_arrival'].get('last_ms', 0):,}",
            f"{row['checkout'].get('p99_ms', 0):,}",
            f"{row['deliveries_per_s']:,}",
            "–" if row["bare_deliveries_per_s"] is None else f"{row['bare_deliveries_per_s']:,}",
        )
        for row in rows
    ]
    columns = (
        *("viewers", "gateways", "gateway B", "kernel B", "drop p50 ms", "drop last ms"),
        *("checkout p99 ms", "deliveries/s", "bare/s"),
    )
    return table("Full houses of several sizes", columns, told)


if __name__ == "__main__":
    sys.exit(main())
