"""Entering a lottery, and its draw.

    SCHEDULED --entries_until_ms--> drawn, OPEN: all entries in line, the first are offered units

The only way to a unit of such a drop is the draw: whoever did not enter cannot buy, join its line
or take what comes back.

Owns these rules. Refuses to know what becomes of those who were drawn: that is the line's
(`cart.waiting`).
"""

from __future__ import annotations

from cart import invitation
from cart.books import Books
from cart.counter import Counter
from cart.drop import Drop, DropStatus
from cart.events import DropOpened, LotteryDrawn, LotteryEntered
from cart.fact import Fact
from cart.lottery import ENTRIES_MAX, LotteryTerms, entry_of
from cart.outcome import Decision, EntryResult, ErrorCode, refuse


def enter(
    counter: Counter, viewer: str, sku: str, now_ms: int, tier: str = "", invited: bool = False
) -> Decision:
    """Enter the lottery of the drop that sells `sku`, once. Who has entered is told so again."""
    books = counter.books
    drop_id = books.drop_of_sku.get(sku)
    if drop_id is None:
        return refuse(ErrorCode.NOT_FOUND, f"no drop sells {sku}")
    drop = books.drops[drop_id]
    terms, book = drop.terms.lottery, drop.lottery
    if terms is None or book is None:
        return refuse(ErrorCode.CONFLICT, f"{drop.terms.title} is not given out by lottery")
    entered = book.entries.get(viewer)
    if entered is not None:
        return Decision((), _result(drop, terms, viewer, entered.number))
    if drop.status is not DropStatus.SCHEDULED or now_ms >= terms.entries_until_ms:
        return refuse(ErrorCode.CLOSED, f"entries for {drop.terms.title} are not taken any more")
    if now_ms < terms.entries_from_ms:
        wait_ms = terms.entries_from_ms - now_ms
        return refuse(
            ErrorCode.NOT_OPEN, f"entries for {drop.terms.title} are not taken yet", wait_ms
        )
    asked = drop.terms.access is not None or books.rules.invited_only
    if asked:
        refusal = invitation.refusal(books, drop, viewer, tier, invited, now_ms)
        if refusal is not None:
            return refusal
    number = len(book.entries) + 1
    if number > ENTRIES_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"{ENTRIES_MAX} have entered already")
    claims = (tier, invited) if asked else ("", False)
    fact = LotteryEntered(drop_id, viewer, number, *claims)
    return Decision((fact,), _result(drop, terms, viewer, number))


def _result(drop: Drop, terms: LotteryTerms, viewer: str, number: int) -> EntryResult:
    return {
        "drop_id": drop.terms.drop_id,
        "sku": drop.terms.sku,
        "number": number,
        "entry": entry_of(viewer),
        "drawn_at_ms": terms.entries_until_ms,
    }


def entries_of(books: Books, viewer: str) -> list[EntryResult]:
    """The lotteries that the viewer has entered and that are still to be drawn."""
    entries: list[EntryResult] = []
    for drop in books.drops.values():
        terms, book = drop.terms.lottery, drop.lottery
        if terms is None or book is None or drop.status is not DropStatus.SCHEDULED:
            continue
        entered = book.entries.get(viewer)
        if entered is not None:
            entries.append(_result(drop, terms, viewer, entered.number))
    return entries


def refusal_to_buy(drop: Drop, terms: LotteryTerms, now_ms: int) -> Decision:
    """Why nobody takes a unit of a lottery's drop by asking for it."""
    title = drop.terms.title
    if drop.status is DropStatus.SCHEDULED:
        wait_ms = max(0, terms.entries_until_ms - now_ms)
        return refuse(ErrorCode.NOT_OPEN, f"{title} is given out by lottery: enter it", wait_ms)
    return refuse(ErrorCode.CLOSED, f"{title} goes to those who were drawn")


def draw(drop: Drop) -> list[Fact]:
    """The draw of a drop whose time has come; it opens by it."""
    book, drop_id = drop.lottery, drop.terms.drop_id
    assert book is not None, "only lotteries are drawn"
    return [
        LotteryDrawn(drop_id, book.seed, len(book.entries)),
        DropOpened(drop_id, "draw"),
    ]
