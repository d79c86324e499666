"""What is added at once counts as what is added one by one."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, Histogram

from metrics.batches import observe_times


def samples_after(observe: Callable[[Histogram], None]) -> dict[tuple[str, str | None], float]:
    registry = CollectorRegistry()
    histogram = Histogram("h", "Of a test.", ["a"], registry=registry, buckets=(0.005, 0.1, 10))
    histogram.labels("b").observe(0.05)
    observe(histogram.labels("b"))
    return {
        (sample.name, sample.labels.get("le")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@pytest.mark.parametrize("value", [0.0, 0.005, 0.0050001, 0.1, 7.5, 1e6])
def test_many_at_once_are_as_many_one_by_one(value: float) -> None:
    def at_once(histogram: Histogram) -> None:
        observe_times(histogram, value, 3)

    def one_by_one(histogram: Histogram) -> None:
        for _ in range(3):
            histogram.observe(value)

    assert samples_after(at_once) == pytest.approx(samples_after(one_by_one))
