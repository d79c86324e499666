"""A run's page: what was to be shown, whether it was, and plots of how.

    python -m loadtest.page var/load/770k.json     draws 770k.html and 770k.svg anew

One file, no script, in the style of the report after a show. Owns words, tables and which plot says
what. Refuses to measure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from livestream.report.html import POLICY, STYLE
from livestream.report.markup import Markup, element
from livestream.report.pieces import figure, note, section, table, tiles
from livestream.report.words import compact
from loadtest.counted import agree, before_the_close, here_at
from loadtest.picture import picture
from loadtest.plots import Axis, Line, line_plot

MIB: Final = 2**20
Result = dict[str, Any]
#: In the other shapes some come after an announcement, or are gone before it.
WHERE_NOBODY_LEAVES: Final = frozenset({"the_drop", "storm_return", "full_house"})


def short(viewers: int) -> str:
    """`770000` as `770k`, `1000000` as `1m`: the name of a run's files."""
    for size, letter in ((1_000_000, "m"), (1_000, "k")):
        if viewers >= size and viewers % size == 0:
            return f"{viewers // size}{letter}"
    return str(viewers)


def proofs(result: Result) -> list[tuple[str, str, bool]]:
    """(what was to be shown, what was seen, whether that is it)."""
    viewers, joined = result["viewers"], result.get("joined", 0)
    gaps, lost = result.get("gaps"), result.get("lost")
    nobody_leaves = result.get("shape") in WHERE_NOBODY_LEAVES
    shown = [
        ("connected at once", f"{result.get('peak', 0):,} of {viewers:,}", _most(result, viewers)),
        *_counted_by_gateways(result),
        ("viewers who missed an announcement", _told(gaps), gaps == 0),
        ("connections lost", _told(lost), lost == 0),
        ("audit", (result["audit"].strip().splitlines() or ["–"])[-1], result["audit_clean"]),
    ]
    for kind, count in sorted(result.get("landmarks", {}).items()):
        if nobody_leaves:
            name = kind.removeprefix("ARRIVE ")
            shown.append((f"heard {name}", f"{count:,} of {joined:,}", count >= joined))
    for drop in result.get("drops", []):
        sold, supplied = drop["sold"], drop["supplied"]
        met = sold == supplied or not nobody_leaves
        shown.append((f"sold of {drop['drop_id']}", f"{sold:,} of {supplied:,}", met))
    if attempts := _attempts(result):
        shown.append(("attempts at the drop answered", f"{attempts:,}", True))
    return shown


def _counted_by_gateways(result: Result) -> list[tuple[str, str, bool]]:
    """The same as the other end has it."""
    counted = before_the_close(result)
    if counted is None:
        return [("counted by the gateways", "nobody asked", "counted" not in result)]
    at_once, gone = counted["peak"], counted["slow_evictions"]
    here, clients = counted["viewers"], here_at(result.get("timeline", []), counted["at_s"])
    enough = at_once >= result.get("in_crowds", result["viewers"])
    nobody_leaves = result.get("shape") in WHERE_NOBODY_LEAVES
    return [
        ("  by the gateways' count", f"{at_once:,}", enough or not nobody_leaves),
        ("  of them at the end", f"{here:,}; by the clients' {clients:,}", agree(here, clients)),
        ("closed for being slow", f"{gone:,}", gone <= (result.get("lost") or 0)),
    ]


def _told(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def _attempts(result: Result) -> int:
    """Reservations asked for and answered, whatever the answer."""
    rows = result.get("figures", {}).items()
    return sum(
        row["count"]
        for name, row in rows
        if name.startswith("ASK cart.add") and name != "ASK cart.add to paid"
    )


def per_viewer(result: Result) -> dict[str, float]:
    """Bytes for each viewer once all were here, over what there was before anybody came; at the
    fullest moment where they were never all here.
    """
    before = result["memory_before"]
    whole = [sample for sample in result["memory"] if sample["whole"]]
    all_here_s = {name: at_s for at_s, name in result.get("scenes", [])}.get("all here")
    later = [sample for sample in whole if all_here_s and sample["at_s"] >= all_here_s]
    fullest = later[0] if later else max(whole, key=lambda each: each["sockets"], default=before)
    viewers = max(1, result.get("peak", 0))
    grown = {
        kind: (fullest[kind] - before[kind]) / viewers for kind in ("kernel", "gateways", "load")
    }
    grown["machine"] = (before["available"] - fullest["available"]) / viewers
    return {kind: round(value, 1) for kind, value in grown.items()}


def broadcast_per_s(result: Result) -> int:
    """Deliveries a second of the one frame that nothing else travelled with: the card."""
    row = result.get("figures", {}).get("ARRIVE card.pushed", {"count": 0})
    return round(row["count"] / max(0.001, row["last_ms"] / 1_000)) if row["count"] else 0


def words_of(result: Result) -> str:
    """The same as text, for a terminal."""
    lines = [f"{'yes' if met else 'NO ':3} {what}: {seen}" for what, seen, met in proofs(result)]
    if result["stopped"]:
        lines.append(result["stopped"])
    weight = ", ".join(f"{kind} {value:,.0f}" for kind, value in per_viewer(result).items())
    lines.append(f"bytes per viewer, both ends: {weight}")
    bare = result.get("bare")
    ours = broadcast_per_s(result)
    if bare:
        floor = bare["deliveries_per_s"]
        lines.append(
            f"deliveries/s: {ours:,}; a bare send loop {floor:,} (ours {ours / floor:.2f} of it)"
        )
    return "\n".join(lines)


def html_of(result: Result) -> str:
    """The whole page."""
    title = _title(result)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        Markup(f"<style>{STYLE}</style>"),
    )
    parts = [element("h1", title), _first(result), _shown(result)]
    if result.get("timeline"):
        parts += [_connections(result), _arrivals(result), _memory(result), _latencies(result)]
    main = element("main", *parts, class_="report")
    return f"<!doctype html>\n{element('html', head, element('body', main), lang='en')}\n"


def picture_of(result: Result) -> str:
    """The plots of the page, as a picture for documents."""
    command = f"python -m loadtest --shape {result['shape']} --viewers {result['viewers']}"
    about = f"both ends on {result['cores']} cores; made by {command}"
    plots = [
        ("Connections over time", _connection_plot(result)),
        ("Share of viewers reached, at their own sockets", _arrival_plot(result)),
        ("Memory of both ends", _memory_plot(result)),
    ]
    return picture(_title(result), about, plots)


def _title(result: Result) -> str:
    return f"{result.get('shape', 'load')}: {result['viewers']:,} viewers"


def _most(result: Result, viewers: int) -> bool:
    """People have tunnels of their own; those in crowds are all here at once, where they do not
    come and go.
    """
    if result.get("shape") not in WHERE_NOBODY_LEAVES:
        return True
    return bool(result.get("peak", 0) >= result.get("in_crowds", viewers))


def _first(result: Result) -> Markup:
    weight = per_viewer(result)
    opened = result.get("figures", {}).get("ARRIVE drop.opened", {"count": 0})
    shown = [
        ("at once", f"{result.get('peak', 0):,}", f"{result['gateways']} gateways"),
        ("a viewer weighs", f"{weight['gateways']:,.0f} B", "of gateway memory"),
        ("deliveries a second", f"{broadcast_per_s(result):,}", "of the card, to everybody"),
    ]
    if opened["count"]:
        last = f"{opened['last_ms'] / 1_000:.1f} s"
        shown.append(("the drop reached all in", last, f"half of them in {opened['p50_ms']} ms"))
    if "bare" in result:
        floor = result["bare"]["deliveries_per_s"]
        shown.append(("a bare send loop", f"{floor:,}/s", "as many sockets, same run"))
    return tiles(shown)


def _shown(result: Result) -> Markup:
    rows = [(what, seen, "yes" if met else "no") for what, seen, met in proofs(result)]
    return section("shown", "What was to be shown", table("", ("", "seen", "so?"), rows, words=3))


def _connections(result: Result) -> Markup:
    plot = figure("Connections over time", _connection_plot(result))
    return section("connections", "Connections", plot)


def _connection_plot(result: Result) -> Markup:
    timeline = result["timeline"]
    start = timeline[0][0]
    line = Line("viewers here", [(second - start, here) for second, here in timeline])
    marks = [(second - start, name) for second, name in result["scenes"]]
    return line_plot(
        "connections",
        "Connections over time",
        Axis("seconds"),
        Axis("viewers"),
        [line],
        [mark for mark in marks if 0 <= mark[0] <= line.points[-1][0]],
    )


def _arrivals(result: Result) -> Markup:
    plot = figure("Share of viewers reached", _arrival_plot(result))
    about = note("Every viewer is timed, at its own socket; drop.opened is the run for the drop.")
    return section("arrivals", "Arrival", plot, about)


def _arrival_plot(result: Result) -> Markup:
    lines = [
        Line(name, _cumulative(times)) for name, times in result["arrivals"].items() if len(times)
    ]
    return line_plot(
        "arrivals",
        "Arrival of what everybody waits for",
        Axis("milliseconds from the decision, by the time in the message"),
        Axis("% of viewers"),
        lines,
    )


def _cumulative(times: Sequence[Sequence[int]]) -> list[tuple[float, float]]:
    total = sum(count for _, count in times)
    seen, points = 0, [(0.0, 0.0)]
    every = max(1, len(times) // 200)
    for number, (ms, count) in enumerate(times):
        seen += count
        if number % every == 0 or number == len(times) - 1:
            points.append((float(ms), 100 * seen / total))
    return points


def _memory_plot(result: Result) -> Markup:
    samples = result["memory"]
    start = result["timeline"][0][0]
    kinds = ("kernel", "gateways", "load", "others")
    lines = [
        Line(kind, [(max(0, s["at_s"] - start), s[kind] / MIB) for s in samples]) for kind in kinds
    ]
    return line_plot("memory", "Memory over time", Axis("seconds"), Axis("MiB"), lines)


def _memory(result: Result) -> Markup:
    weight = per_viewer(result)
    rows = [(kind, f"{value:,.0f}") for kind, value in weight.items()]
    about = note(
        "Bytes over what there was before the first viewer, once all were here, divided by "
        "viewers. Kernel: slab and TCP buffers of both ends. Processes: PSS, their "
        "imports and statistics included. Machine: what less was available."
    )
    return section(
        "memory",
        "Memory",
        figure("Memory of both ends", _memory_plot(result)),
        table("Per viewer", ("", "bytes"), rows),
        about,
    )


def _latencies(result: Result) -> Markup:
    rows = [
        (
            name,
            f"{row['count']:,}",
            *(f"{row[key]:,}" for key in ("p50_ms", "p95_ms", "p99_ms", "last_ms", "spread_ms")),
        )
        for name, row in result["figures"].items()
        if row["count"]
    ]
    columns = ("", "times", "p50", "p95", "p99", "last", "spread")
    about = note(
        f"Milliseconds. Rows with “1 in {result['sample']}” are timed for that sample of the "
        "viewers in crowds; all others for everybody. "
        f"{compact(float(sum(result['frames'].values())))} frames were counted, every one."
    )
    return section("latencies", "Latencies", table("As measured by clients", columns, rows), about)


def leave(path: Path, result: Result) -> None:
    """Write the figures to `path`, and beside them the page and its picture."""
    path.write_text(json.dumps(result))
    path.with_suffix(".html").write_text(html_of(result))
    if result.get("timeline"):
        path.with_suffix(".svg").write_text(picture_of(result))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        leave(Path(name), json.loads(Path(name).read_text()))
