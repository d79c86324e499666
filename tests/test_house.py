"""The house around the engine: what make, the image and compose.yaml promise each other."""

import os
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from livestream.config import Settings, variables
from livestream.embedded_redis import EmbeddedRedis

HOUSE = Path(__file__).parents[1]
KNOWN_VARIABLES = {name for name, _, _ in variables()}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((HOUSE / "compose.yaml").read_text())
    return loaded


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Tests may themselves run under make, whose variables are not for this one.
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    return subprocess.run(
        ["make", *arguments], cwd=HOUSE, env=env, capture_output=True, text=True, timeout=30
    )


def test_make_says_in_one_line_each_what_it_can_do() -> None:
    lines = make().stdout.splitlines()
    told = [line.split()[1] for line in lines]
    assert lines == make("help").stdout.splitlines()
    assert {"run", "test", "test-long", "test-all", "lint", "bench", "pin", "clean"} <= set(told)
    assert len(told) == len(set(told))


def test_an_old_python_gets_one_line_that_says_what_is_needed(free_dir: Path) -> None:
    old = free_dir / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o700)
    for python in (str(old), "no-such-python"):
        run = make("run", f"PYTHON={python}", f"VENV={free_dir}/venv")
        assert run.returncode != 0
        ours = [line for line in run.stderr.splitlines() if not line.startswith("make")]
        (line,) = ours
        assert line.startswith(f"{python} is not Python 3.11 or newer")
        assert not (free_dir / "venv").exists()


def test_every_dependency_has_its_reason_in_writing() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    asked_for = {re.split(r"[\[>;]", each)[0] for each in chain(project["dependencies"], *extras)}
    _, _, reasons = (HOUSE / "docs" / "ARCHITECTURE.md").read_text().partition("## 9. Dependencies")
    families = {"opentelemetry": "opentelemetry-*", "pytest": "pytest", "types": "types-*"}
    unexplained = {
        name
        for name in asked_for
        if name not in reasons and families.get(name.split("-")[0], name) not in reasons
    }
    assert not unexplained


def test_every_dependency_is_pinned_once_and_no_host_is_named() -> None:
    lines = (HOUSE / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin) for pin in pins)
    pinned = [canonical(pin.split("==")[0]) for pin in pins]
    assert len(pinned) == len(set(pinned))

    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {canonical(re.split(r"[\[<>=;]", requirement)[0]) for requirement in wanted}
    assert names <= set(pinned)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_image_and_compose_set_only_variables_that_exist(compose: dict[str, Any]) -> None:
    said = (HOUSE / "Dockerfile").read_text() + (HOUSE / "compose.yaml").read_text()
    named = set(re.findall(r"\bLIVESTREAM_[A-Z_]+\b", said))
    assert named
    assert named <= KNOWN_VARIABLES
    for service in ("engine", "control", "gateway"):
        assert set(compose["services"][service]["environment"]) <= KNOWN_VARIABLES


def test_the_redis_of_compose_is_as_durable_as_the_private_one(
    compose: dict[str, Any], free_dir: Path
) -> None:
    given = compose["services"]["redis"]["command"]
    private = " ".join(EmbeddedRedis(free_dir)._command())
    for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
        assert option in given
        assert option in private


def test_prometheus_asks_each_role_where_it_tells_its_numbers(compose: dict[str, Any]) -> None:
    told = yaml.safe_load((HOUSE / "deploy" / "prometheus.yml").read_text())
    asked = {
        (job["job_name"], name, group["port"])
        for job in told["scrape_configs"]
        for group in job["dns_sd_configs"]
        for name in group["names"]
    }
    usual = Settings()
    assert asked == {
        ("livestream-control", "control", usual.control_port),
        ("livestream-engine", "engine", usual.engine_port),
        ("livestream-gateway", "gateway", usual.gateway_port),
    }
    dockerfile = (HOUSE / "Dockerfile").read_text()
    for _, role, port in asked:
        assert role in compose["services"]
        assert f"LIVESTREAM_{role.upper()}_HOST=0.0.0.0" in dockerfile, "it listens to itself only"
        assert re.search(rf"^EXPOSE .*\b{port}\b", dockerfile, re.MULTILINE)


def test_rules_and_dashboards_are_where_prometheus_and_grafana_look(
    compose: dict[str, Any],
) -> None:
    def mounted(service: str) -> dict[str, Path]:
        volumes = [volume.split(":") for volume in compose["services"][service]["volumes"]]
        return {inside: HOUSE / here for here, inside, *_ in volumes if here.startswith("./")}

    config = mounted("prometheus")["/etc/prometheus/prometheus.yml"]
    (pattern,) = yaml.safe_load(config.read_text())["rule_files"]
    folder, name = pattern.split("/")
    assert list(mounted("prometheus")[f"/etc/prometheus/{folder}"].glob(name))

    grafana = mounted("grafana")
    (provider,) = yaml.safe_load(
        (grafana["/etc/grafana/provisioning"] / "dashboards" / "livestream.yaml").read_text()
    )["providers"]
    assert list(grafana[provider["options"]["path"]].glob("*.json"))


def test_the_roles_of_compose_and_the_image_are_commands_that_exist(
    compose: dict[str, Any],
) -> None:
    pytest.importorskip("livestream.cli", reason="the command line is not there yet")
    run = subprocess.run(
        [sys.executable, "-m", "livestream", "--help"], capture_output=True, text=True, timeout=30
    )
    dockerfile = (HOUSE / "Dockerfile").read_text()
    commands = {
        compose["services"][name]["command"][0] for name in ("engine", "control", "gateway")
    }
    commands |= set(re.findall(r'^ *CMD \["(?:livestream", ")?(\w+)"\]', dockerfile, re.MULTILINE))
    assert commands == {"engine", "control", "gateway", "serve", "healthcheck"}
    for command in commands:
        assert re.search(rf"\b{command}\b", run.stdout), f"livestream has no command {command}"
