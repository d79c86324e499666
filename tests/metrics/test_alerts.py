"""Every rule is valid, tested, explained, and asks only for what is measured."""

import re
from typing import Any

import pytest
import yaml

from cart.money import MINOR_DIGITS
from tests.metrics.dashboards import OPERATIONS, RULE_TESTS, alerts, faults_of, rules


def name_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@pytest.mark.parametrize("rule", rules(), ids=name_of)
def test_a_rule_asks_for_series_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert not faults_of(rule["expr"])


@pytest.mark.parametrize("alert", alerts(), ids=name_of)
def test_an_alert_says_how_bad_it_is_and_what_to_do_first(alert: dict[str, Any]) -> None:
    assert alert["alert"].startswith("Livestream")
    assert alert["labels"] in ({"severity": "page"}, {"severity": "warning"})
    assert alert["annotations"].keys() == {"summary", "description", "runbook"}
    assert len(alert["annotations"]["summary"]) <= 80, "it stands on a telephone"
    assert alert["annotations"]["runbook"].endswith(".")


@pytest.mark.parametrize("alert", alerts(), ids=name_of)
def test_an_alert_is_tested(alert: dict[str, Any]) -> None:
    expected = {
        labels
        for path in RULE_TESTS
        for evening in yaml.safe_load(path.read_text())["tests"]
        for look in evening["promql_expr_test"]
        for sample in look["exp_samples"]
        for labels in [sample["labels"]]
    }
    firing = f'ALERTS{{alertname="{alert["alert"]}",alertstate="firing"'
    assert any(labels.startswith(firing) for labels in expected)


def test_the_handbook_says_what_the_alerts_say() -> None:
    explained = re.findall(r"^\| `(Livestream\w+)` \| (\w+) \| (.*) \|$", OPERATIONS, re.MULTILINE)
    assert explained == [
        (alert["alert"], alert["labels"]["severity"], alert["annotations"]["runbook"])
        for alert in alerts()
    ]


def test_the_gmv_for_eyes_is_divided_by_each_currencys_own_minor_units() -> None:
    (recorded,) = [rule for rule in rules() if rule.get("record", "").endswith("gmv:max")]
    told = re.findall(r'currency([!=])~"([^"]*)"\}\)(?: / (\d+))?', recorded["expr"])
    divided_by = {
        code: int(divisor or 1)
        for sign, codes, divisor in told
        if sign == "="
        for code in codes.split("|")
    }
    ((others, usual),) = [(codes, int(divisor)) for sign, codes, divisor in told if sign == "!"]
    assert set(others.split("|")) == divided_by.keys()
    assert {code: divided_by.get(code, usual) for code in MINOR_DIGITS} == {
        code: 10**digits for code, digits in MINOR_DIGITS.items()
    }
