"""The pages' pure modules, called from Python: where what they say is compared with the counter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

REGISTER = (Path(__file__).parent / "register.mjs").as_uri()
#: Where the pages are read, far from where the tests run.
TIME_ZONE = "Asia/Shanghai"
_RUN = """
import { text } from "node:stream/consumers";
const { module, calls } = JSON.parse(await text(process.stdin));
const functions = await import(module);
console.log(JSON.stringify(calls.map(([name, ...given]) => functions[name](...given))));
"""


def call(module: str, *calls: tuple[Any, ...]) -> list[Any]:
    """Each of `calls` is the name of a function of the panel's module and what it is given; their
    answers. All of it is JSON, and one process. Without node the test is left out.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("left out: the pages' modules (no node on PATH)")
    ran = subprocess.run(
        [node, "--import", REGISTER, "--input-type=module", "--eval", _RUN],
        input=json.dumps({"module": f"/static/panel/{module}", "calls": calls}),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "TZ": TIME_ZONE},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answers: list[Any] = json.loads(ran.stdout)
    return answers
