"""What the fan-out benchmark measures of a server, and how that is told: medians, ratios, a table.

Owns the figures' names and marks. Refuses to measure, and to draw.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtest.bench.fanout_crowd import Spread

#: What the audience has to reach: the first mark and, in brackets, the design's own.
MARKS = {
    "delivery_ratio_to_floor_max": (1.25, 1.10),
    "viewer_bytes_max": (1_200, 600),
    "handshakes_per_s_min": (4_000, 8_000),
}
#: What measuring may cost: the ratio of fan-out with instruments on to off, and one scrape.
MEASURED = "ours+instruments"
_INSTRUMENTS_RATIO_MAX = 1.05
_SCRAPE_MS_MAX = 50.0
TITLES = {
    "floor": "os.write loop (floor)",
    "ours": "audience (ours)",
    "ours+instruments": "  with instruments on",
    "ours+ticket": "  with the ticket checked",
    "websockets": "websockets.broadcast",
    "aiohttp": "aiohttp send_str",
    "picows": "picows send",
    "ws": "node ws send",
    "nchan": "nginx nchan",
}
#: The width of a name, and the table's columns: what stands above, its width, its form.
_NAME_WIDTH = 26
_COLUMNS = {
    "delivery_us": ("µs/delivery", 12, ".2f"),
    "delivery_ratio_to_floor": ("× floor", 9, ".2f"),
    "viewer_bytes": ("bytes/viewer", 14, ",.0f"),
    "handshakes_per_s": ("handshakes/CPU-s", 18, ",.0f"),
    "handshakes_wall_per_s": ("by the clock", 14, ",.0f"),
    "spread_p50_ms": ("arrival p50", 13, ".0f"),
    "spread_p99_ms": ("p99", 6, ".0f"),
    "spread_last_ms": ("last ms", 9, ".0f"),
    "spread_ratio_to_floor": ("× floor", 9, ".2f"),
}


@dataclass
class Result:
    """Figures of one server. CPU in µs of the server process, one entry for each round."""

    delivery_us: list[float] = field(default_factory=list)
    handshake_us: list[float] = field(default_factory=list)
    handshakes_wall_per_s: list[float] = field(default_factory=list)
    viewer_bytes: float = 0.0
    #: When the viewers had a frame, after the first of them, at the receiving end; one for a round.
    spreads: list[Spread] = field(default_factory=list)
    #: From the first viewer to the last by the clock, and the server's CPU: alone; while somebody
    #: scrapes another gateway, on the other core; and while the same somebody scrapes this one.
    broadcast_ms: list[float] = field(default_factory=list)
    broadcast_beside_ms: list[float] = field(default_factory=list)
    broadcast_beside_cpu_ms: list[float] = field(default_factory=list)
    broadcast_scraped_ms: list[float] = field(default_factory=list)
    broadcast_scraped_cpu_ms: list[float] = field(default_factory=list)
    #: A scrape of a gateway at rest, its CPU time there, and one of a gateway that broadcasts.
    scrape_ms: list[float] = field(default_factory=list)
    scrape_cpu_ms: list[float] = field(default_factory=list)
    scrape_busy_ms: list[float] = field(default_factory=list)


def summary(results: dict[str, Result]) -> dict[str, dict[str, float | None]]:
    """Medians, and each ratio to the floor of the same round. A spread's is that of the last one;
    each server's is counted from the first of its own viewers who had the frame.
    """
    floor = results.get("floor")
    table: dict[str, dict[str, float | None]] = {}
    for kind, result in results.items():
        handshake_us = statistics.median(result.handshake_us)
        is_server = kind != "floor"
        table[kind] = {
            "delivery_us": statistics.median(result.delivery_us),
            "delivery_ratio_to_floor": (
                _ratio(result.delivery_us, floor.delivery_us) if floor else None
            ),
            "viewer_bytes": result.viewer_bytes if is_server else None,
            "handshake_us": handshake_us if is_server else None,
            "handshakes_per_s": 1_000_000 / handshake_us if is_server else None,
            "handshakes_wall_per_s": (
                statistics.median(result.handshakes_wall_per_s) if is_server else None
            ),
            "spread_p50_ms": statistics.median(each.p50_ms for each in result.spreads),
            "spread_p99_ms": statistics.median(each.p99_ms for each in result.spreads),
            "spread_last_ms": statistics.median(_lasts_ms(result)),
            "spread_ratio_to_floor": _ratio(_lasts_ms(result), _lasts_ms(floor)) if floor else None,
        }
    return table


def _lasts_ms(result: Result) -> list[float]:
    return [each.last_ms for each in result.spreads]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios within each round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def cost_of_measuring(results: dict[str, Result], viewers: int) -> dict[str, float] | None:
    """What instruments add to a delivery (the median of the ratios within each round), and what a
    scrape is to a broadcast. None where the two were not measured.
    """
    if not {"ours", MEASURED} <= results.keys():
        return None
    off, on = results["ours"], results[MEASURED]
    return {
        "fanout_ratio_on_to_off": _ratio(on.delivery_us, off.delivery_us),
        "scrape_ms": statistics.median(on.scrape_ms),
        "scrape_cpu_ms": statistics.median(on.scrape_cpu_ms),
        "scrape_during_broadcast_ms": statistics.median(on.scrape_busy_ms),
        "broadcast_cpu_ms": statistics.median(on.delivery_us) * viewers / 1_000,
        "broadcast_ms": statistics.median(on.broadcast_ms),
        "broadcast_while_scraped_ms": statistics.median(on.broadcast_scraped_ms),
        "broadcast_while_scraped_cpu_ms": statistics.median(on.broadcast_scraped_cpu_ms),
        "broadcast_beside_a_scrape_ms": statistics.median(on.broadcast_beside_ms),
        "broadcast_beside_a_scrape_cpu_ms": statistics.median(on.broadcast_beside_cpu_ms),
    }


def show(table: dict[str, dict[str, float | None]], viewers: int, payload_bytes: int) -> None:
    print(
        f"{viewers:,} viewers, {payload_bytes}-byte frame; CPU of the server process; arrival: "
        "after the first viewer who had the frame, at the receiving end\n"
    )
    heads = (f"{head:>{width}}" for head, width, _ in _COLUMNS.values())
    print(f"{'':<{_NAME_WIDTH}}{''.join(heads)}")
    for kind, row in table.items():
        cells = (_cell(row[name], width, form) for name, (_, width, form) in _COLUMNS.items())
        print(f"{TITLES[kind]:<{_NAME_WIDTH}}{''.join(cells)}")
    ratio, weight, handshakes = MARKS.values()
    print(
        f"\nmarks for ours (the design's own): at most {ratio[0]} ({ratio[1]}) × floor, "
        f"{weight[0]:,} ({weight[1]}) bytes; at least {handshakes[0]:,} ({handshakes[1]:,}) "
        "handshakes/s, those with the ticket checked"
    )


def show_cost(cost: dict[str, float]) -> None:
    print(
        f"instruments on ÷ off: {cost['fanout_ratio_on_to_off']:.3f} × CPU of a delivery "
        f"(at most {_INSTRUMENTS_RATIO_MAX})\n"
        f"a scrape: {cost['scrape_ms']:.1f} ms (at most {_SCRAPE_MS_MAX:g}), "
        f"{cost['scrape_during_broadcast_ms']:.1f} ms during a broadcast\n"
        f"the gateway's CPU: {cost['scrape_cpu_ms']:.2f} ms for a scrape, "
        f"{cost['broadcast_cpu_ms']:.1f} ms for a broadcast alone, "
        f"{cost['broadcast_while_scraped_cpu_ms']:.1f} ms while it is scraped, "
        f"{cost['broadcast_beside_a_scrape_cpu_ms']:.1f} ms while another gateway is\n"
        f"a broadcast by the clock: {cost['broadcast_ms']:.1f} ms alone, "
        f"{cost['broadcast_while_scraped_ms']:.1f} ms while it is scraped, "
        f"{cost['broadcast_beside_a_scrape_ms']:.1f} ms while another gateway is"
    )


def _cell(value: float | None, width: int, form: str) -> str:
    return f"{'–' if value is None else format(value, form):>{width}}"
