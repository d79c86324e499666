"""What is known of a room beside its log: who watched, and the numbers that the engine told.

Owns the shape. All of it is best effort: it may lack what a crash took along, and a room that is
older than the counting has none. Refuses to know how it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from livestream.attendance import GatewayCounts, Moment
from livestream.payments.statement import Statement


class Surroundings(Struct, frozen=True):
    """Beside the log. `unique` is the estimate of the HyperLogLog; `ledger` is the one that the
    engine told last, from which the metrics are made; `statement` is the payment provider's own
    account, empty where the provider keeps none here.
    """

    moments: list[Moment] = []
    counts: dict[str, GatewayCounts] = {}
    unique: int = 0
    ledger: Mapping[str, Any] | None = None
    statement: Statement = Statement({}, {})

    @property
    def was_counted(self) -> bool:
        """Whether any gateway ever said who was there."""
        return bool(self.moments or self.counts)

    def highest(self, part: str, figure: str, at: Callable[[Moment], int]) -> int:
        """A count that only grows, from where it is highest: the ledger is told a few times a
        second, but lost with its engine's version; moments stay.
        """
        told = [at(moment) for moment in self.moments]
        with suppress(KeyError, TypeError, ValueError):
            told.append(int((self.ledger or {})[part][figure]))
        return max(told, default=0)
