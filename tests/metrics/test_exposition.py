"""One scrape tells about all processes of a machine, the living and the dead."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metrics import catalog
from metrics.exposition import CONTENT_TYPE, SHARED_DIR_VARIABLE, render

# A parent forks three gateways after the import, as `serve` does. The second is killed, the third
# ends; the parent marks the killed one dead, and scrapes.
THREE_GATEWAYS = """
import json, os, signal, sys
from metrics import catalog
from metrics.exposition import render
from metrics.graveyard import bury
from pathlib import Path

def gateway(viewers, then):
    done_r, done_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        catalog.CONNECTIONS.labels("r").set(viewers)
        catalog.ROOM_EPOCH.labels("r").set(viewers)
        catalog.FRAMES_SENT.inc(10 * viewers)
        catalog.APPEND_SECONDS.observe(0.003)
        os.write(done_w, b"x")
        if then == "live":
            signal.pause()
        os._exit(0)
    os.read(done_r, 1)
    return pid

# A gateway that has shown 1,000 rooms of which no other process knows.
def crowded(first):
    done_r, done_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        for number in range(first, first + 1_000):
            catalog.CONNECTIONS.labels(catalog.room_label(f"room-{number}")).inc()
        os.write(done_w, b"x")
        signal.pause()
    os.read(done_r, 1)
    return pid

living, killed, ended = gateway(5, "live"), gateway(7, "live"), gateway(11, "end")
os.kill(killed, signal.SIGKILL)
os.waitpid(killed, 0)
os.waitpid(ended, 0)
before = render().decode()
shared = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
for pid in (killed, ended):
    bury(shared, pid)
(shared / "counter_999999.db").touch()
after = render().decode()
crowds = [crowded(first) for first in (10_000, 20_000)]
crowd = render().decode()
for pid in (living, *crowds):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
json.dump({"before": before, "after": after, "crowd": crowd}, sys.stdout)
"""


@pytest.fixture(scope="module")
def scrapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    shared = tmp_path_factory.mktemp("metrics")
    run = subprocess.run(
        [sys.executable, "-c", THREE_GATEWAYS],
        env={**os.environ, SHARED_DIR_VARIABLE: str(shared)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=True,
    )
    texts: dict[str, str] = json.loads(run.stdout)
    return texts


def value(text: str, name: str, **labels: str) -> Any:
    """The sample of that name and those labels; None if there is none."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def test_counters_of_all_processes_add_up_and_outlive_them(scrapes: dict[str, str]) -> None:
    for text in scrapes.values():
        assert value(text, "livestream_frames_sent_total") == 10 * (5 + 7 + 11)


def test_rooms_that_only_some_processes_know_keep_to_the_bound_of_all(
    scrapes: dict[str, str],
) -> None:
    connections = [
        sample
        for family in text_string_to_metric_families(scrapes["crowd"])
        for sample in family.samples
        if sample.name == "livestream_connections"
    ]
    assert len(connections) == catalog.ROOM_LABELS_MAX + 1, "the bound, and `other`"
    assert sum(sample.value for sample in connections) == 2_000 + 5


def test_histograms_of_all_processes_add_up(scrapes: dict[str, str]) -> None:
    text = scrapes["after"]
    assert value(text, "livestream_append_seconds_bucket", le="0.002") == 0
    assert value(text, "livestream_append_seconds_bucket", le="0.005") == 3
    assert value(text, "livestream_append_seconds_count") == 3


def test_gauges_count_only_the_living(scrapes: dict[str, str]) -> None:
    assert value(scrapes["before"], "livestream_connections", room="r") == 5 + 7 + 11
    assert value(scrapes["after"], "livestream_connections", room="r") == 5
    assert value(scrapes["before"], "livestream_room_epoch", room="r") == 11
    assert value(scrapes["after"], "livestream_room_epoch", room="r") == 5


def test_a_process_killed_while_making_its_file_does_not_end_all_scrapes(
    scrapes: dict[str, str],
) -> None:
    # `after` was made beside an empty file.
    assert value(scrapes["after"], "livestream_frames_sent_total") == 230


def test_help_texts_survive_being_shared(scrapes: dict[str, str]) -> None:
    families = {family.name: family for family in text_string_to_metric_families(scrapes["after"])}
    assert families["livestream_frames_sent"].documentation == catalog.FRAMES_SENT._documentation


def test_one_process_alone_tells_its_own_numbers() -> None:
    before = value(render().decode(), "livestream_records_total")
    catalog.RECORDS.inc(3)
    assert value(render().decode(), "livestream_records_total") == before + 3


def test_no_series_tells_when_it_was_created() -> None:
    assert "_created" not in render().decode()


def test_the_content_type_is_prometheus_text() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")
