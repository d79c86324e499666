"""What a check is: one rule, and methods that look at facts before or after they are booked.

    class OneCheckoutOneOrder(Check):
        rule = Rule(3, "one checkout, one order", "...")

        @before(OrderPlaced)
        def no_second_order(self, fact: OrderPlaced) -> Iterator[str]:
            ...yield a sentence for each thing that is wrong

Owns the form. Refuses to know any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal, TypeVar

from msgspec import Struct

from cart.fact import Fact
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger
from livestream.facts import Record

Moment = Literal["before", "after"]
Look = Callable[[Any], Iterable[str]]
_Method = TypeVar("_Method", bound=Callable[..., Iterable[str]])


class Rule(Struct, frozen=True):
    """What must hold. Number 0 is the form of the log itself; from 1 on they are invariants."""

    number: int
    name: str
    text: str


def before(*kinds: type[Fact]) -> Callable[[_Method], _Method]:
    """Mark a method that looks at facts of these kinds while the ledger does not know them yet."""
    return _watching("before", kinds)


def after(*kinds: type[Fact]) -> Callable[[_Method], _Method]:
    """Mark a method that looks at facts of these kinds once they are booked in the ledger."""
    return _watching("after", kinds)


def _watching(moment: Moment, kinds: tuple[type[Fact], ...]) -> Callable[[_Method], _Method]:
    def mark(method: _Method) -> _Method:
        method.__dict__.setdefault("watches", []).append((moment, kinds))
        return method

    return mark


class Check:
    """One rule at work. Sentences that its methods yield become findings at the fact they saw."""

    rule: ClassVar[Rule]

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        self.ledger = ledger
        self.evidence = evidence

    def meet(self, others: Checks) -> None:
        """Learn to know the other checks of this audit, for one whose rule compares with them."""

    def watches(self) -> Iterable[tuple[Moment, type[Fact], Look]]:
        """Which of this check's methods wants to see which facts, and when."""
        for name, function in vars(type(self)).items():
            for moment, kinds in getattr(function, "__dict__", {}).get("watches", ()):
                for kind in kinds:
                    yield moment, kind, getattr(self, name)

    def record_begins(self, seq: int, record: Record) -> Iterable[str]:
        """Look at a record as a whole; `seq` is that of its last fact."""
        return ()

    def record_ends(self) -> Iterable[str]:
        """What was decided together is complete here."""
        return ()

    def log_ends(self) -> Iterable[str]:
        """The last look, with nothing more to come."""
        return ()

    def note(self) -> str:
        """What the verdict should say beside this rule, for instance what it could not check."""
        return ""


_Check = TypeVar("_Check", bound=Check)


class Checks:
    """The checks of one audit, one of each kind."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self._of = {type(check): check for check in checks}

    def __iter__(self) -> Iterator[Check]:
        return iter(self._of.values())

    def one(self, kind: type[_Check]) -> _Check:
        """The one of this kind."""
        check = self._of[kind]
        assert isinstance(check, kind)
        return check
