"""How this suite runs its Hypothesis properties: the same examples each time, nothing left on
disk, no deadline that a busy machine could miss.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from cart.stock import BrokenBooksError

PROPERTY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)


def stories(examples: int, steps: int) -> settings:
    """So many stories of a state machine, each of so many steps at most."""
    return settings(
        PROPERTY,
        max_examples=examples,
        stateful_step_count=steps,
        suppress_health_check=list(HealthCheck),
    )


def assert_finds_what_is_planted(machine: type[RuleBasedStateMachine], play: settings) -> None:
    """One of the stories fails; the first that does is enough."""
    first_find = settings(
        play, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False
    )
    with pytest.raises((AssertionError, BrokenBooksError)):
        run_state_machine_as_test(machine, settings=first_find)
