"""The instruments of this process alone as text for a scraper, made quickly.

The library takes 2 ms for the 250 series of a gateway, nearly all of it to spell names, labels and
help texts, which do not change. A gateway makes its text on the loop that serves its viewers, so
here they are spelt once: what is left is 250 numbers put into a form, a tenth of the time.

Owns the forms. Refuses to know other processes (`metrics.exposition`) and threads: make the text
where the instruments are changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.utils import floatToGoString


class OwnText:
    """The text of some instruments, as often as it is asked for."""

    def __init__(self, instruments: Iterable[MetricWrapperBase]) -> None:
        self._forms: Final = [_Form(instrument) for instrument in instruments]

    def make(self) -> bytes:
        """What `generate_latest` would say now."""
        return "".join([form.filled() for form in self._forms]).encode()


class _Form:
    """One instrument's lines, with a blank for each number.

    The library has no public way to the numbers that does not spell names too; a test compares the
    result with the library's own, byte for byte.
    """

    def __init__(self, instrument: MetricWrapperBase) -> None:
        self._instrument = instrument
        self._children: list[MetricWrapperBase] = []
        self._form = ""

    def filled(self) -> str:
        instrument = self._instrument
        children: list[MetricWrapperBase] = [instrument]
        if instrument._labelnames:
            children = list(instrument._metrics.values())
        if children != self._children or not self._form:
            self._form = _form_of(instrument)
            self._children = children
        numbers = [number for child in children for number in _numbers(child)]
        return self._form % tuple(map(floatToGoString, numbers))


class _Value(Protocol):
    def get(self) -> float: ...


def _form_of(instrument: MetricWrapperBase) -> str:
    alone = CollectorRegistry()
    alone.register(instrument)
    lines = generate_latest(alone).decode().replace("%", "%%").splitlines()
    return "".join(
        f"{line if line.startswith('#') else line.rpartition(' ')[0] + ' %s'}\n" for line in lines
    )


def _numbers(child: MetricWrapperBase) -> Iterator[float]:
    """In the order of its lines."""
    match child:
        case Counter() | Gauge():
            value: _Value = child._value
            yield value.get()
        case Histogram():
            in_all = 0.0
            for bucket in child._buckets:
                in_all += bucket.get()
                yield in_all
            yield in_all
            yield child._sum.get()
        case _:
            raise TypeError(f"{child}: no instrument of this kind is declared")
