"""Every invariant by its name: a function that takes a log and says what breaks it, and where.

    INVARIANTS["never_oversold"](read_log(...))  ->  [Finding(record=57, seq=56, ...), ...]

Owns the names. Refuses to know any rule: a rule is a check of `auditor.CHECKS`, whose class gives
it its name here. `livestream verify` runs all of them in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from livestream.audit.auditor import CHECKS, audit_log
from livestream.audit.check import Check
from livestream.audit.verdict import Finding
from livestream.facts import Record

#: (last seq of the record, record) pairs, oldest first -> what breaks this invariant.
Invariant = Callable[[Iterable[tuple[int, Record]]], list[Finding]]


def name_of(check: type[Check]) -> str:
    """StockAddsUp -> stock_adds_up."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", check.__name__).lower()


def broken_by(check: type[Check], records: Iterable[tuple[int, Record]]) -> list[Finding]:
    """What in this log breaks the check's rule, at most FINDINGS_MAX of it; nothing if it holds."""
    return audit_log(records, only=check).findings


INVARIANTS: Final[Mapping[str, Invariant]] = MappingProxyType(
    {name_of(check): partial(broken_by, check) for check in CHECKS}
)
