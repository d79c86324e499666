"""The quick text of a process is, byte for byte, what the library says."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest

from metrics import catalog, exposition
from metrics.own_text import OwnText

STRANGE = 'a "quoted"\n50 % of\\that'


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_every_kind_of_instrument_is_told_as_the_library_tells_it(
    registry: CollectorRegistry,
) -> None:
    served = Counter("served", "How many, 100 % of them.", ["who", "le_not"], registry=registry)
    here = Gauge("here", "Who is here.", registry=registry)
    took = Histogram("took", "How long.", ["who"], registry=registry, buckets=(0.1, 1))
    alone = Histogram("alone", "Without a label.", registry=registry)
    own = OwnText([served, here, took, alone])
    for value in (0, 0.25, 1, 12_345_678, 1e21, float("inf")):
        assert own.make() == generate_latest(registry)
        served.labels(STRANGE, "x").inc(value)
        here.set(-value)
        took.labels("zoe").observe(value)
        alone.observe(value)


def test_a_series_that_comes_or_goes_is_noticed(registry: CollectorRegistry) -> None:
    served = Counter("served", "How many.", ["who"], registry=registry)
    own = OwnText([served])
    served.labels("ann").inc()
    assert own.make() == generate_latest(registry)
    served.labels("ben").inc(2)
    assert own.make() == generate_latest(registry)
    served.remove("ann")
    assert own.make() == generate_latest(registry)
    served.labels("ann").inc(3)
    assert own.make() == generate_latest(registry)
    served.clear()
    assert own.make() == generate_latest(registry)


def test_the_whole_catalog_is_told() -> None:
    catalog.LEAVES.labels("1006").inc(17)
    catalog.ARRIVAL_SECONDS.observe(0.3)
    assert exposition.own_text() == generate_latest(catalog.REGISTRY)


def test_a_kind_that_nobody_declared_is_not_left_out_in_silence(
    registry: CollectorRegistry,
) -> None:
    with pytest.raises(TypeError, match="no instrument of this kind"):
        OwnText([Summary("s", "A summary.", registry=registry)]).make()
