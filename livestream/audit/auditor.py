"""One pass over a log: every record through every check, then the verdict.

Owns the order of things: for each fact the checks look first, then it is booked, then they look
again. Refuses to know any rule, and where records come from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from redis import asyncio as aioredis

from cart.fact import Fact, tag_of
from livestream.audit.books import BooksBalance
from livestream.audit.check import Check, Checks, Look, Moment
from livestream.audit.coupons import CouponsAreStock
from livestream.audit.editions import EachNumberOnce
from livestream.audit.evidence import Evidence
from livestream.audit.guests import OnlyTheInvitedBuy
from livestream.audit.history import LogIsWellFormed, NothingIsLost, StateIsTheFold
from livestream.audit.holds import EveryHoldEndsOnce
from livestream.audit.ledger import Ledger
from livestream.audit.line import LineIsServedInOrder
from livestream.audit.lottery import LotteryIsDrawnAsPromised
from livestream.audit.money import (
    GmvToTheFen,
    MoneyFindsItsOrder,
    OneCheckoutOneOrder,
    PriceIsFrozen,
)
from livestream.audit.perks import FirstNGetThePerk
from livestream.audit.personal import PersonalisedAsOffered
from livestream.audit.presale import PresaleKeepsItsWord
from livestream.audit.reserving import ReservedWhenDeclared
from livestream.audit.shelves import ShelvesAddUp
from livestream.audit.slots import SlotsAreStock
from livestream.audit.stock import LimitCountsAll, NeverOversold, ShownStockIsTrue, StockAddsUp
from livestream.audit.verdict import Books, DropLine, Finding, MoneyLine, RuleLine, Verdict
from livestream.facts import Record
from livestream.journal import read_log

#: Findings kept in full, about 300 bytes each: 300 KB. The rest of a log that is broken from end to
#: end is only counted.
FINDINGS_MAX = 1_000

#: Every rule, in the order in which they look at a fact. `livestream.audit.invariants` makes a
#: function of each.
CHECKS: tuple[type[Check], ...] = (
    LogIsWellFormed,
    StockAddsUp,
    NeverOversold,
    OneCheckoutOneOrder,
    NothingIsLost,
    EveryHoldEndsOnce,
    MoneyFindsItsOrder,
    GmvToTheFen,
    FirstNGetThePerk,
    LineIsServedInOrder,
    LimitCountsAll,
    PriceIsFrozen,
    ShownStockIsTrue,
    StateIsTheFold,
    BooksBalance,
    OnlyTheInvitedBuy,
    CouponsAreStock,
    EachNumberOnce,
    PersonalisedAsOffered,
    PresaleKeepsItsWord,
    ReservedWhenDeclared,
    SlotsAreStock,
    LotteryIsDrawnAsPromised,
    ShelvesAddUp,
)


class Auditor:
    """Feed it a room's records from the first; ask for the verdict at any point. With `only` it
    reports what breaks that one rule.
    """

    def __init__(
        self,
        room: str = "",
        evidence: Evidence | None = None,
        only: type[Check] | None = None,
    ) -> None:
        evidence = evidence if evidence is not None else Evidence()
        self._room = room
        self._ledger = ledger = Ledger(room)
        checks = Checks(kind(ledger, evidence) for kind in CHECKS)
        for check in checks:
            check.meet(checks)
        self._form = checks.one(LogIsWellFormed)
        self._lost = checks.one(NothingIsLost)
        self._line = checks.one(LineIsServedInOrder)
        self._holds = checks.one(EveryHoldEndsOnce)
        self._gmv = checks.one(GmvToTheFen)
        self._perks = checks.one(FirstNGetThePerk)
        self._fold = checks.one(StateIsTheFold)
        self._balance = checks.one(BooksBalance)
        self._checks: list[Check] = list(checks)
        self._only = only
        self._looks: dict[tuple[Moment, type[Fact]], list[tuple[Check, Look]]] = defaultdict(list)
        for check in self._checks:
            for moment, kind, look in check.watches():
                self._looks[moment, kind].append((check, look))
        self._looked = dict.fromkeys(self._checks, 0)
        self._found = dict.fromkeys(self._checks, 0)
        self.findings: list[Finding] = []
        self._records = 0
        self._facts = 0
        self._record_seq = 0
        self._first_at_ms = 0

    def feed(self, seq: int, record: Record) -> None:
        """The next record; `seq` is that of its last fact (the stream id)."""
        ledger = self._ledger
        self._records += 1
        self._record_seq = seq
        self._first_at_ms = self._first_at_ms or record.at_ms
        first = seq - len(record.facts) + 1
        ledger.seq, ledger.at_ms = first, max(record.at_ms, ledger.at_ms)
        self._note(self._form, None, self._form.record_begins(seq, record))
        self._note(self._lost, None, self._lost.record_begins(seq, record))
        self._note(self._line, None, self._line.record_begins(seq, record), looked=0)
        for ledger.seq, fact in enumerate(record.facts, start=first):
            self._facts += 1
            self._look("before", fact)
            ledger.book(fact)
            self._look("after", fact)
            self._note(self._fold, fact, self._fold.fold(fact))
        for check in self._checks:
            self._note(check, None, check.record_ends(), looked=0)

    def _look(self, moment: Moment, fact: Fact) -> None:
        for check, look in self._looks.get((moment, type(fact)), ()):
            self._note(check, fact, look(fact))

    def _note(
        self, check: Check, fact: Fact | None, sentences: Iterable[str], looked: int = 1
    ) -> None:
        self._looked[check] += looked
        for sentence in sentences:
            if self._only not in (None, type(check)):
                continue
            self._found[check] += 1
            if len(self.findings) < FINDINGS_MAX:
                tag = "" if fact is None else tag_of(type(fact))
                rule = check.rule
                self.findings.append(
                    Finding(
                        rule.number, rule.name, self._record_seq, self._ledger.seq, tag, sentence
                    )
                )

    def unreadable(self, error: str) -> None:
        """The log goes on with something that is no record."""
        self._note(self._form, None, [f"what follows cannot be read: {error}"])

    def verdict(self, with_books: bool = False) -> Verdict:
        """What was found, and the list of books if asked for. Call it once: the checks take their
        last look here.
        """
        for check in self._checks:
            self._note(check, None, check.log_ends())
        found = sum(self._found.values())
        return Verdict(
            room=self._room,
            clean=found == 0,
            found=found,
            findings=self.findings,
            rules=[
                RuleLine(
                    check.rule.number,
                    check.rule.name,
                    check.rule.text,
                    self._looked[check],
                    self._found[check],
                    check.note(),
                )
                for check in self._checks
            ],
            books=self._books(),
            list_of_books=self._balance.list_of_books() if with_books else None,
        )

    def _books(self) -> Books:
        ledger = self._ledger
        statuses = [order.status for order in ledger.orders.values()]
        states = [payment.state for payment in ledger.payments.values()]
        return Books(
            records=self._records,
            facts=self._facts,
            seq=ledger.seq,
            epochs=self._form.epochs,
            first_at_ms=self._first_at_ms,
            last_at_ms=ledger.at_ms,
            drops=[
                DropLine(
                    drop_id,
                    drop.terms.sku,
                    drop.status,
                    drop.supplied,
                    drop.available,
                    drop.held,
                    drop.sold,
                    drop.withdrawn,
                )
                for drop_id, drop in ledger.drops.items()
            ],
            money=[
                MoneyLine(
                    currency,
                    row.gross_minor,
                    row.refunded_minor,
                    row.gross_minor - row.refunded_minor,
                    row.units_sold,
                    row.units_refunded,
                )
                for currency, row in sorted(self._gmv.totals().items())
            ],
            holds_placed=len(ledger.ended) + len(ledger.holds),
            holds_open=len(ledger.holds),
            late_ms_max=self._holds.late_ms_max,
            orders={status: statuses.count(status) for status in dict.fromkeys(statuses)},
            payments={state: states.count(state) for state in dict.fromkeys(states)},
            perks=self._perks.awarded_by_drop(),
        )


def audit_log(
    records: Iterable[tuple[int, Record]],
    room: str = "",
    evidence: Evidence | None = None,
    only: type[Check] | None = None,
    with_books: bool = False,
) -> Verdict:
    """The verdict on a whole log, given as (last seq of the record, record) pairs; see `Auditor`
    and its `verdict`.
    """
    auditor = Auditor(room, evidence, only)
    for seq, record in records:
        auditor.feed(seq, record)
    return auditor.verdict(with_books)


async def audit_room(
    redis: aioredis.Redis, room: str, evidence: Evidence | None = None, with_books: bool = False
) -> Verdict:
    """The verdict on a room as its log in Redis tells it. Nothing else is read; what stands beside
    the log comes in as `evidence` (`livestream.audit.beside` collects it).

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    auditor = Auditor(room, evidence)
    try:
        async for seq, record in read_log(redis, room):
            auditor.feed(seq, record)
    except msgspec.DecodeError as error:
        auditor.unreadable(str(error))
    return auditor.verdict(with_books)
