"""The catalog keeps the field's conventions, so that any dashboard and any linter can read it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import Gauge
from prometheus_client.metrics import MetricWrapperBase

import livestream
from cart.outcome import ErrorCode
from livestream.messages import CloseCode
from metrics import catalog
from metrics.exposition import render
from tests.metrics.ledgers import a_ledger

INSTRUMENTS = {
    name: value for name, value in vars(catalog).items() if isinstance(value, MetricWrapperBase)
}
OPEN_SETS = {"viewer", "viewer_id", "order", "order_id", "address", "ip", "ticket", "path", "url"}
UNITS_THAT_ARE_NOT_BASE = r"_(ms|us|millis|milliseconds|minutes|kb|kib|mb|mib|percent)\b"


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_an_instrument_follows_the_conventions(name: str) -> None:
    instrument = INSTRUMENTS[name]
    exposed = instrument._name
    assert re.fullmatch(r"livestream_[a-z0-9_]+", exposed)
    assert not re.search(UNITS_THAT_ARE_NOT_BASE, exposed)
    assert not OPEN_SETS & set(instrument._labelnames)


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_a_help_text_is_a_sentence(name: str) -> None:
    text = INSTRUMENTS[name]._documentation
    assert len(text) > 15
    assert text[0].isupper() or text[0].isdigit()
    assert text.endswith(".")
    assert "  " not in text, "two strings joined wrongly"


@pytest.mark.parametrize("name", [n for n, i in INSTRUMENTS.items() if i._type == "gauge"])
def test_a_gauge_forgets_processes_that_died(name: str) -> None:
    gauge = INSTRUMENTS[name]
    assert isinstance(gauge, Gauge)
    assert gauge._multiprocess_mode.startswith("live")


@pytest.mark.parametrize("name", [n for n, i in INSTRUMENTS.items() if i._type == "histogram"])
def test_a_histogram_watches_seconds_or_counts_things(name: str) -> None:
    assert INSTRUMENTS[name]._name.endswith(("_seconds", "_bytes", "_commands"))


def test_nothing_is_declared_that_nobody_counts() -> None:
    package = Path(livestream.__file__).parent
    sources = "".join(path.read_text() for path in package.rglob("*.py"))
    assert [name for name in INSTRUMENTS if f"catalog.{name}" not in sources] == []


def test_only_gauges_tell_of_single_rooms() -> None:
    # What the exposition relies on when it puts rooms over the bound together.
    of_rooms = [i for i in INSTRUMENTS.values() if "room" in i._labelnames]
    assert all(i._type == "gauge" and i._labelnames == ("room",) for i in of_rooms)


def test_rooms_beyond_the_bound_share_one_label() -> None:
    label = catalog.BoundedLabel(2)
    assert [label(room) for room in ("a", "b", "c", "a", "d")] == ["a", "b", "other", "a", "other"]


def test_every_close_code_of_the_protocol_has_its_label() -> None:
    assert {catalog.close_code_label(code) for code in CloseCode} == {str(c) for c in CloseCode}
    assert catalog.close_code_label(3999) == "other"


def test_a_strange_handshake_status_is_other() -> None:
    assert catalog.handshake_status_label(401) == "401"
    assert catalog.handshake_status_label(418) == "other"


def test_outcomes_cannot_be_mistaken_for_other_labels() -> None:
    assert "ok" not in {code.value for code in ErrorCode}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_promtool_finds_nothing_to_say() -> None:
    catalog.DECISIONS.labels("checkout", "ok").inc()
    catalog.CONNECTIONS.labels("room").set(1)
    text = render([a_ledger("promtool")])
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, timeout=30
    )
    assert (check.returncode, check.stdout + check.stderr) == (0, b"")
