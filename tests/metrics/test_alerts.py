"""Every rule is valid, tested, explained, and asks only for what is measured."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from cart.money import MINOR_DIGITS
from tests.metrics.dashboards import RULE_TESTS, RULES, alerts, faults_of, rules

HOUSE = Path(__file__).parents[2]
COMPOSE_CONFIG = HOUSE / "deploy" / "prometheus.yml"
OPERATIONS = (HOUSE / "docs" / "operations.md").read_text()

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not on PATH: the rules are not put to it"
)


class Ran(NamedTuple):
    """What promtool found: status 0 if all is well."""

    status: int
    said: str


def promtool(*arguments: object) -> Ran:
    run = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    return Ran(run.returncode, run.stdout + run.stderr)


def name_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@needs_promtool
def test_promtool_finds_the_rules_valid() -> None:
    run = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert run.status == 0, run.said


@needs_promtool
@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: str(path.name))
def test_promtool_finds_that_they_fire_when_they_should(path: Path) -> None:
    run = promtool("test", "rules", path)
    assert run.status == 0, run.said


@needs_promtool
def test_promtool_would_notice_an_alert_that_does_not_fire(tmp_path: Path) -> None:
    (tmp_path / RULES.name).write_text(RULES.read_text().replace("== 0\n        for: 15s", "== 9"))
    (tests,) = RULE_TESTS
    (tmp_path / tests.name).write_text(tests.read_text())
    run = promtool("test", "rules", tmp_path / tests.name)
    assert run.status != 0
    assert "LivestreamTargetDown" in run.said


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


@needs_promtool
def test_promtool_finds_the_configurations_of_handbook_and_compose_valid(tmp_path: Path) -> None:
    shutil.copytree(RULES.parent, tmp_path / "alerts")
    (targets,) = re.findall(r"^```json\n(.*?)^```", OPERATIONS, re.MULTILINE | re.DOTALL)
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "livestream-evening.json").write_text(targets)
    snippets = re.findall(
        r"^```yaml\n(# prometheus.yml\n.*?)^```", OPERATIONS, re.MULTILINE | re.DOTALL
    )
    assert len(snippets) == 2
    for number, text in enumerate([*snippets, COMPOSE_CONFIG.read_text()]):
        path = tmp_path / f"prometheus-{number}.yml"
        path.write_text(text)
        run = promtool("check", "config", path)
        assert (run.status, "WARNING" in run.said) == (0, False), run.said
        assert "rules found" in run.said, "it did not find the rules"


def test_a_currency_without_minor_units_is_not_divided() -> None:
    (recorded,) = [rule for rule in rules() if rule.get("record", "").endswith("gmv:max")]
    whole = "|".join(code for code, digits in MINOR_DIGITS.items() if digits == 0)
    assert set(re.findall(r'currency[!=]~"([^"]*)"', recorded["expr"])) == {whole}
    assert set(MINOR_DIGITS.values()) == {0, 2}
