"""The auditor behind `livestream verify`: reads a room's log and says what does not add up.

Owns a second set of books, kept from the facts alone, and one check for each of the
invariants (docs/ARCHITECTURE.md, "What must hold at every prefix of the log"). Refuses to use the
engine's own bookkeeping for stock and money: `cart.counter` is folded beside it only to be
compared. The verdict is on the log alone; what else is known may be given as evidence.

    check.py     what a check is                      ledger.py    the second set of books
    stock.py     1 stock adds up, 2 never oversold, 9 limits, 11 stock shown
    holds.py     5 every hold ends once
    refunds.py   the arithmetic of a refund in part
    money.py     3 one checkout one order, 6 payments, 7 GMV to the fen, 10 frozen price
    line.py      21 the line is served in order
    reserving.py 23 reserved when declared
    perks.py     8 the first N                        presale.py   22 presales
    editions.py  18 each number once                  lottery.py   24 lotteries
    slots.py     26 delivery slots are stock
    history.py   0 the log's own form, 4 nothing acknowledged is lost, 12 state = fold(log)
    books.py     13 the list of books balances: double entry by product and by order
    shelves.py   15 allocations add up
    coupons.py   14 coupons are stock                 personal.py  19 personalised as offered
    invariants.py  each rule as a function of the log, by its name
    auditor.py   one pass over the records            verdict.py   what is told at the end
    evidence.py  what a log cannot show by itself     beside.py    what Redis keeps of that

One pass; memory grows with drops, holds and orders, not with the length of the log.
"""

from livestream.audit.auditor import Auditor, audit_log, audit_room
from livestream.audit.beside import evidence_beside
from livestream.audit.books import ListOfBooks
from livestream.audit.evidence import Acknowledged, Captured, Evidence, Returned
from livestream.audit.invariants import INVARIANTS
from livestream.audit.verdict import Finding, Verdict

__all__ = [
    "INVARIANTS",
    "Acknowledged",
    "Auditor",
    "Captured",
    "Evidence",
    "Finding",
    "ListOfBooks",
    "Returned",
    "Verdict",
    "audit_log",
    "audit_room",
    "evidence_beside",
]
