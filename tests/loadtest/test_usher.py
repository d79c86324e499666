"""Who goes to which load process, whatever the numbers."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(find_spec("locust") is None, reason="locust is not here: make load")

ROOT = Path(__file__).parents[2]
# In a process of its own: importing Locust changes sockets for the whole process.
HAND_OUT = """
from collections import Counter
from itertools import cycle
from loadtest.usher import in_runs

for workers, crowds, shoppers in ((2, 20, 20), (44, 820, 20), (6, 100, 20), (3, 1, 50), (1, 5, 5)):
    order = list(in_runs({"Shopper": shoppers, "Crowd": crowds, "Host": 1}, workers))
    assert order[0] == "Host"
    assert Counter(order) == {"Host": 1, "Crowd": crowds, "Shopper": shoppers}
    got = Counter({worker: 0 for worker in range(workers)})
    for worker, name in zip(cycle(range(workers)), order):
        got[worker] += name == "Crowd"
    assert max(got.values()) - min(got.values()) <= 1, (workers, got)
"""


def test_every_worker_gets_its_share_of_crowds() -> None:
    subprocess.run([sys.executable, "-c", HAND_OUT], cwd=ROOT, check=True, timeout=60)
