"""Each planted bug is caught: the worlds meet it, and the auditor names the rule that it breaks."""

from __future__ import annotations

import pytest

from livestream.audit.auditor import CHECKS
from tests.simulation.planted import BUGS, Bug
from tests.simulation.world import World

#: As a rule the first few worlds meet it; the shyest bug needs a provider who is wrong.
WORLDS_MAX = 150


def rules_broken_in(seed: int) -> set[int]:
    """What the auditor finds in this world. A bug may also stop an engine where it stands."""
    world = World(seed)
    try:
        world.play()
    except Exception:
        assert world.redis.log, "it stopped before anything happened"
    return world.verdict().broken()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
    assert any(bug.rule in rules_broken_in(seed) for seed in range(WORLDS_MAX))


def test_every_rule_has_a_bug_that_only_it_must_catch() -> None:
    assert {bug.rule for bug in BUGS} == {check.rule.number for check in CHECKS}
