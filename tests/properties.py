"""How this suite runs its Hypothesis properties: the same examples each time, nothing left on
disk, no deadline that a busy machine could miss.
"""

from hypothesis import HealthCheck, settings

PROPERTY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)
