"""What of the pages is pure is tried by node's own runner, without a browser."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE = shutil.which("node")


@pytest.mark.parametrize("module", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.stem)
def test_every_sentence_of_the_module_holds(module: Path) -> None:
    if NODE is None:
        pytest.skip("left out: the pages' modules (no node on PATH)")
    register = (HERE / "register.mjs").as_uri()
    ran = subprocess.run(
        [NODE, "--import", register, "--test-reporter", "tap", str(module)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "\n# pass 0\n" not in ran.stdout, "a module without a test"
