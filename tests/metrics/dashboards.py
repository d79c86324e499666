"""The dashboards and the rules as data: every query in them, and what may stand in a query.

Owns reading the files. Refuses to know what a query returns.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from prometheus_client.metrics import MetricWrapperBase

import metrics
from metrics import catalog, ledger

HOME = Path(metrics.__file__).parent
DASHBOARDS = sorted((HOME / "dashboards").glob("*.json"))
RULES = HOME / "alerts" / "livestream.rules.yml"
RULE_TESTS = sorted((HOME / "alerts").glob("*.test.yml"))
#: The handbook of whoever is on call.
OPERATIONS = (HOME.parent / "docs" / "operations.md").read_text()

#: What a scrape adds, and what Prometheus itself makes.
OF_EVERY_SERIES = {"job", "instance"}
OF_PROMETHEUS = {"up": set[str](), "ALERTS": {"alertname", "alertstate", "severity"}}


class Query(NamedTuple):
    """One query of a panel."""

    dashboard: str
    panel: str
    ref: str
    expr: str

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel} {self.ref}"

    def for_room(self, room: str) -> str:
        """The expression as Grafana would send it."""
        return self.expr.replace("$room", room).replace("$__rate_interval", "1m")


def panels_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Every panel that shows something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> list[Query]:
    """Every query of every dashboard."""
    return [
        Query(path.stem, panel["title"], target["refId"], target["expr"])
        for path in DASHBOARDS
        for panel in panels_of(json.loads(path.read_text()))
        for target in panel["targets"]
    ]


@cache
def rules() -> list[dict[str, Any]]:
    """Every rule, recording or alert."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Every alert."""
    return [rule for rule in rules() if "alert" in rule]


@cache
def exposed() -> dict[str, set[str]]:
    """Every series that there can be, with its labels."""
    found: dict[str, set[str]] = {**OF_PROMETHEUS, "livestream_ledgers_unreadable": set()}
    for instrument in vars(catalog).values():
        if isinstance(instrument, MetricWrapperBase):
            labels = set(instrument._labelnames)
            for suffix, more in _SERIES[str(instrument._type)]:
                found[instrument._name + suffix] = labels | more
    for reading in (*ledger._READINGS, ledger._AGE, ledger._INBOX):
        ((suffix, _),) = _SERIES[reading.kind]
        found[reading.name + suffix] = {"room", *reading.labels}
    for rule in rules():
        if "record" in rule:
            (by,) = set(re.findall(r"by \(([^)]*)\)", rule["expr"]))
            found[rule["record"]] = set(re.findall(r"\w+", by))
    return found


_SERIES: dict[str, list[tuple[str, set[str]]]] = {
    "counter": [("_total", set())],
    "gauge": [("", set())],
    "histogram": [("_bucket", {"le"}), ("_count", set()), ("_sum", set())],
}

_SELECTOR = re.compile(r"(?<![\w:])((?:\w+:)?livestream_\w+(?::\w+)?|up|ALERTS)\b(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring) \(([^)]*)\)")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def faults_of(expr: str) -> list[str]:
    """Series and labels in an expression that do not exist."""
    known = exposed()
    faults, reachable = [], set(OF_EVERY_SERIES)
    for name, matchers in _SELECTOR.findall(expr):
        labels = known.get(name, set()) | OF_EVERY_SERIES
        reachable |= labels
        if name not in known:
            faults.append(name)
        faults += [
            f"{name}{{{label}}}" for label in _MATCHER.findall(matchers) if label not in labels
        ]
    for grouping in _GROUPING.findall(expr):
        faults += [
            f"by ({label})" for label in re.findall(r"\w+", grouping) if label not in reachable
        ]
    return faults
