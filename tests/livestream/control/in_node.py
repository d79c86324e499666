"""The pages' pure modules, run by Node: what is tested of them in thousands needs no browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from livestream.control import pages

_RUN = """
import { text } from "node:stream/consumers";
const { module, calls } = JSON.parse(await text(process.stdin));
const functions = await import(module);
console.log(JSON.stringify(calls.map(([name, ...given]) => functions[name](...given))));
"""


class Node:
    """Calls functions of a module; everything that goes in and comes out is JSON."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        for each in ("client", "panel"):
            shutil.copytree(pages.ROOT / each, directory / each)
        (directory / "package.json").write_text('{"type": "module"}')
        (directory / "run.js").write_text(_RUN)

    def call(self, module: str, *calls: tuple[Any, ...]) -> list[Any]:
        """Each of `calls` is a function's name and what it is given; their answers. One process."""
        ran = subprocess.run(
            ["node", "run.js"],
            cwd=self._directory,
            input=json.dumps({"module": f"./{module}", "calls": calls}),
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "Asia/Shanghai"},
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        answers: list[Any] = json.loads(ran.stdout)
        return answers


def node_or_skip(directory: Path) -> Node:
    """Node with the pages' modules; without one on this machine the test is left out."""
    if shutil.which("node") is None:
        pytest.skip("left out: no node to run the panel's own sums (apt-get install nodejs)")
    return Node(directory)
