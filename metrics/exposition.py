"""How the numbers reach a scraper: one text for all processes of this machine, and all rooms.

Owns the choice between one process (`metrics.own_text`) and several (the directory that they share,
PROMETHEUS_MULTIPROC_DIR, set before prometheus_client is first imported). Refuses to know HTTP.

A scrape outlives processes: what a dead one counted stays, also when it died while making its file.
Its live gauges go as soon as its parent buries it (`metrics.graveyard`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from metrics import catalog
from metrics.graveyard import undisturbed
from metrics.ledger import Ledger, families, inbox_family
from metrics.own_text import OwnText

CONTENT_TYPE = CONTENT_TYPE_LATEST
#: Read by prometheus_client itself, at its import.
SHARED_DIR_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def render(ledgers: Iterable[Ledger] = (), inboxes: Mapping[str, int] | None = None) -> bytes:
    """Every instrument of every process of this machine, and what the rooms' ledgers say, as
    CONTENT_TYPE.

    `ledgers` are the latest of each room, as plain dicts, `inboxes` the entries that wait in each
    room's. With 40 gateways this reads some 150 files: call it in a thread.
    """
    shared = os.environ.get(SHARED_DIR_VARIABLE)
    instruments = own_text() if shared is None else generate_latest(_Machine(Path(shared)))
    return instruments + generate_latest(_Rooms(ledgers, inboxes))


def own_text() -> bytes:
    """Every instrument of this process alone, as CONTENT_TYPE. It takes a fraction of a
    millisecond: call it on the loop.
    """
    return _OWN.make()


def is_shared() -> bool:
    """Whether `render` tells of all processes of this machine, not of this one alone."""
    return SHARED_DIR_VARIABLE in os.environ


_OWN: Final = OwnText(
    instrument for instrument in vars(catalog).values() if isinstance(instrument, MetricWrapperBase)
)


class _Machine(Collector):
    """The instruments of all processes that share a directory."""

    def __init__(self, shared: Path) -> None:
        self._shared = shared

    def collect(self) -> Iterable[Metric]:
        # A process killed between making its file and sizing it leaves one of no bytes, which the
        # library would stumble over for ever.
        with undisturbed(self._shared):
            files = [str(path) for path in self._shared.glob("*.db") if _size(path) > 0]
            merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # it has no types
        return [_bounded(metric) for metric in merged]


def _bounded(metric: Metric) -> Metric:
    """The metric with rooms of its own label cut off as everywhere in this text: each process met
    other ones first, so that together they may name more than one of them would.
    """
    if not metric.samples or "room" not in metric.samples[0].labels:
        return metric
    add = _MERGES.get(metric.name, sum)
    values: dict[str, list[float]] = {}
    for sample in metric.samples:
        values.setdefault(catalog.room_label(sample.labels["room"]), []).append(sample.value)
    bounded = GaugeMetricFamily(metric.name, metric.documentation, labels=["room"])
    for room, of_room in values.items():
        bounded.add_metric([room], add(of_room))
    return bounded


#: How gauges of rooms that share a label are put together; the others are added up.
_MERGES: Final[dict[str, Callable[[list[float]], float]]] = {"livestream_room_epoch": max}


class _Rooms(Collector):
    def __init__(self, ledgers: Iterable[Ledger], inboxes: Mapping[str, int] | None) -> None:
        self._ledgers = ledgers
        self._inboxes = inboxes

    def collect(self) -> Iterable[Metric]:
        yield from families(self._ledgers, int(time.time() * 1_000))
        if self._inboxes is not None:
            yield inbox_family(self._inboxes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # its process has just been marked dead
        return 0
