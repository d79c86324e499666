"""The dashboards and the rules as data: every query in them, and what may stand in a query.

Owns reading the files. Refuses to know what a query returns.
"""

import json
import re
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml
from prometheus_client.metrics import MetricWrapperBase

import metrics
from cart.fact import tag_of
from cart.money import CURRENCIES
from cart.outcome import ErrorCode
from livestream.commands import Command
from livestream.gateway.lanes import Lane
from livestream.messages import RoomStatus
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
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')

_COMMANDS = {tag_of(kind) for kind in get_args(Command)}
_CODES = {code.value for code in ErrorCode}
#: What can stand in a label of a series; the others are open, or of Prometheus.
_VALUES: dict[tuple[str, str], set[str]] = {
    ("livestream_broadcast_seconds_bucket", "lane"): {lane.name.lower() for lane in Lane},
    ("livestream_command_seconds_count", "result"): set(catalog.COMMAND_RESULTS),
    ("livestream_decisions_total", "command"): _COMMANDS,
    ("livestream_decisions_total", "outcome"): {"ok"} | _CODES,
    ("livestream_gmv_minor_total", "currency"): set(CURRENCIES),
    ("livestream_handshakes_total", "status"): {str(s) for s in catalog.HANDSHAKE_STATUSES},
    ("livestream_http_requests_total", "status"): {str(status.value) for status in HTTPStatus},
    ("livestream_leaves_total", "code"): {str(code) for code in catalog.CLOSE_CODES},
    ("livestream_messages_received_total", "result"): {"ok"} | _CODES,
    ("livestream_orders_total", "status"): {"placed", "deposited", "paid", "refunded"},
    ("livestream_payment_news_total", "result"): {"taken", "repeated", "refused", "unsigned"},
    ("livestream_room_status", "status"): set(get_args(RoomStatus)),
    ("livestream_stock_units", "state"): {"available", "held", "sold", "withdrawn"},
}
_OPEN = {"room", "job", "alertname", "alertstate"}


def faults_of(expr: str) -> list[str]:
    """Series, labels and values of labels in an expression that do not exist."""
    known = exposed()
    faults, reachable = [], set(OF_EVERY_SERIES)
    for name, matchers in _SELECTOR.findall(expr):
        labels = known.get(name, set()) | OF_EVERY_SERIES
        reachable |= labels
        if name not in known:
            faults.append(name)
        for label, sign, value in _MATCHER.findall(matchers):
            if label not in labels:
                faults.append(f"{name}{{{label}}}")
            elif label not in _OPEN and not _matches(sign, value, _VALUES[name, label]):
                faults.append(f"{name}{{{label}{sign}{value}}}")
    for grouping in _GROUPING.findall(expr):
        faults += [
            f"by ({label})" for label in re.findall(r"\w+", grouping) if label not in reachable
        ]
    return faults


def _matches(sign: str, value: str, values: set[str]) -> bool:
    """Whether a matcher tells values apart at all: it means some of them, and not all."""
    pattern = value if "~" in sign else re.escape(value)
    meant = {one for one in values if re.fullmatch(pattern, one)}
    return bool(meant) and meant != values
