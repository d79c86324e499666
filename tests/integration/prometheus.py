"""A real Prometheus, as a process of the test's own, and what it answers.

Owns starting, asking and clearing away. Refuses to know what is scraped. It listens on a port that
the kernel chooses, keeps its data in a directory of the test's, and dies with the test run.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import psutil
import yaml

from livestream import tether
from tests.integration.programs import PATIENCE_S
from tests.processes import within

BINARY = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
SCRAPED_EVERY_S = 1


class Sample(NamedTuple):
    """One series of an answer. Labels without `__name__`."""

    labels: dict[str, str]
    value: float


class QueryError(Exception):
    """Prometheus refuses the query, and says why."""


class Prometheus:
    """Prometheus with `rules`, scraping `targets`: role -> "host:port" of each of its processes, as
    the job "livestream-<role>"; those of the role "" as the job "livestream". They are found in a
    file, as docs/operations.md shows it.
    """

    def __init__(self, directory: Path, rules: Path, targets: Mapping[str, list[str]]) -> None:
        assert BINARY is not None
        found = [
            {
                "targets": addresses,
                "labels": {"job": f"livestream-{role}" if role else "livestream"},
            }
            for role, addresses in targets.items()
        ]
        (directory / "livestream-targets.json").write_text(json.dumps(found))
        config = {
            "global": {"scrape_interval": f"{SCRAPED_EVERY_S}s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [
                {"job_name": "livestream", "file_sd_configs": [{"files": ["livestream-*.json"]}]},
            ],
        }
        config_path = directory / "prometheus.yml"
        config_path.write_text(yaml.safe_dump(config))
        self._log_path = directory / "prometheus.log"
        tied = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(*tied, BINARY),
                    f"--config.file={config_path}",
                    f"--storage.tsdb.path={directory / 'prometheus'}",
                    "--web.listen-address=127.0.0.1:0",
                    "--log.level=warn",
                ],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._port = 0
        assert within(PATIENCE_S, self._is_ready), self._log_path.read_text()
        # It takes some 5 s to look at its targets for the first time.
        number = sum(map(len, targets.values()))
        assert within(PATIENCE_S, lambda: len(self.ask("up == 1")) == number), "no scrape"

    def close(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_S)
        print("--- prometheus", self._log_path.read_text(), sep="\n")

    def ask(self, expr: str) -> list[Sample]:
        """What an expression is now. NaN is no answer and is left out.

        Raises QueryError when the expression is not valid.
        """
        found = self._get("/api/v1/query", query=expr)["result"]
        samples = []
        for series in found:
            labels = {name: text for name, text in series["metric"].items() if name != "__name__"}
            value = float(series["value"][1])
            if not math.isnan(value):
                samples.append(Sample(labels, value))
        return samples

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health, and of an alert its state and what fires."""
        groups = self._get("/api/v1/rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, path: str, **query: str) -> Any:
        url = f"http://127.0.0.1:{self._port}{path}?{urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as refused:
            with refused:
                raise QueryError(f"{query}: {refused.read().decode()}") from None

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self._log_path.read_text()
        self._port = self._port or self._listening()
        if not self._port:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5):
                return True
        except urllib.error.HTTPError as refused:
            refused.close()
            return False

    def _listening(self) -> int:
        """The port that the kernel gave it, 0 before."""
        for connection in psutil.Process(self._process.pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                return int(connection.laddr.port)
        return 0
