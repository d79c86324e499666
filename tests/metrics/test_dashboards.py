"""Each dashboard opens in any Grafana, asks only for what is measured, and is laid out whole."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.metrics.dashboards import (
    DASHBOARDS,
    Query,
    exposed,
    faults_of,
    panels_of,
    queries,
    rules,
)

COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@pytest.fixture(params=DASHBOARDS, ids=lambda path: str(path.stem))
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    path: Path = request.param
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_the_four_are_there_under_addresses_of_their_own() -> None:
    assert {path.stem for path in DASHBOARDS} == {"event", "audience", "counter", "engine_room"}
    uids = {json.loads(path.read_text())["uid"] for path in DASHBOARDS}
    assert uids == {f"livestream-{path.stem.replace('_', '-')}" for path in DASHBOARDS}


def test_its_prometheus_is_whoever_opens_it_chooses(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert all(panel["datasource"] == SOURCE for panel in panels_of(dashboard))
    assert "id" not in dashboard, "a number of somebody's own Grafana"


def test_a_room_is_chosen_where_a_query_asks_for_one(dashboard: dict[str, Any]) -> None:
    offered = {variable["name"] for variable in dashboard["templating"]["list"]}
    asks = "$room" in json.dumps([panel["targets"] for panel in panels_of(dashboard)])
    assert ("room" in offered) == asks


def test_panels_are_told_apart_and_do_not_lie_on_each_other(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    titles = [panel["title"] for panel in panels]
    assert len(set(titles)) == len(titles)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS for panel in panels)


@pytest.mark.parametrize("query", queries(), ids=str)
def test_a_query_asks_for_series_and_labels_that_exist(query: Query) -> None:
    assert not faults_of(query.expr)


def test_nothing_is_measured_that_nobody_looks_at() -> None:
    expressions = [query.expr for query in queries()] + [rule["expr"] for rule in rules()]
    asked = {_instrument(name) for name in re.findall(r"[\w:]+", " ".join(expressions))}
    assert {_instrument(name) for name in exposed()} <= asked


def _instrument(series: str) -> str:
    return re.sub(r"_(bucket|count|sum|total)$", "", series)


def test_what_does_not_exist_is_found() -> None:
    assert faults_of("sum(livestream_vewers)") == ["livestream_vewers"]
    assert faults_of('livestream_viewers{channel="a"}') == ["livestream_viewers{channel}"]
    assert faults_of("sum by (drop) (livestream_viewers)") == ["by (drop)"]
    assert faults_of("rate(livestream_joins[1m])") == ["livestream_joins"]
    assert faults_of('livestream_leaves_total{code="1060"}') == [
        "livestream_leaves_total{code=1060}"
    ]
    assert faults_of('livestream_decisions_total{command=~"payment[.]refused|x.*"}')
    assert "livestream_append_seconds_bucket" in exposed()
