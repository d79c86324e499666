"""promtool finds the rules valid, sees each of them fire, and takes every configuration we show."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.metrics.dashboards import OPERATIONS, RULE_TESTS, RULES

if shutil.which("promtool") is None:
    pytest.skip("promtool is not here: the rules are not put to it", allow_module_level=True)

COMPOSE_CONFIG = Path(__file__).parents[2] / "deploy" / "prometheus.yml"


class Ran(NamedTuple):
    """What promtool found: status 0 if all is well."""

    status: int
    said: str


def promtool(*arguments: object) -> Ran:
    run = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    return Ran(run.returncode, run.stdout + run.stderr)


def test_promtool_finds_the_rules_valid() -> None:
    run = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert run.status == 0, run.said


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: str(path.name))
def test_promtool_finds_that_they_fire_when_they_should(path: Path) -> None:
    run = promtool("test", "rules", path)
    assert run.status == 0, run.said


@pytest.mark.long
def test_promtool_would_notice_an_alert_that_does_not_fire(tmp_path: Path) -> None:
    (tmp_path / RULES.name).write_text(RULES.read_text().replace("== 0\n        for: 15s", "== 9"))
    (tests,) = RULE_TESTS
    (tmp_path / tests.name).write_text(tests.read_text())
    run = promtool("test", "rules", tmp_path / tests.name)
    assert run.status != 0
    assert "LivestreamTargetDown" in run.said


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
