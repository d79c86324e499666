"""Drafts: drops that the host prepares, of which nobody else knows.

    DRAFT --put again--> DRAFT      with the new terms
    DRAFT --scheduled--> SCHEDULED  as `cart.desk.schedule` would with the same terms
    DRAFT --discarded--> nothing is left

A draft is not public and puts no supply on the books, so it may say anything: what is wrong with
its terms is told when it is scheduled. A drop once scheduled never is a draft again.

Owns these moves. Refuses to know what terms mean.
"""

from __future__ import annotations

from msgspec import structs

from cart.bounds import DRAFTS_MAX
from cart.counter import Counter
from cart.desk import schedule
from cart.drop import DropStatus, DropTerms
from cart.events import DraftDiscarded, DropDrafted
from cart.lottery import commitment_to
from cart.outcome import Decision, ErrorCode, refuse


def put(counter: Counter, terms: DropTerms) -> Decision:
    """Keep these terms as a draft, instead of those it had."""
    books, drop_id = counter.books, terms.drop_id
    if drop_id in books.drops:
        return refuse(ErrorCode.CONFLICT, f"drop {drop_id} is scheduled already")
    answer = {"drop_id": drop_id, "status": DropStatus.DRAFT.value}
    if books.drafts.get(drop_id) == terms:
        return Decision((), answer)
    if drop_id not in books.drafts and len(books.drafts) >= DRAFTS_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"a room has at most {DRAFTS_MAX} drafts")
    return Decision((DropDrafted(terms),), answer)


def discard(counter: Counter, drop_id: str) -> Decision:
    """Throw a draft away. One that is not there is gone already."""
    answer = {"drop_id": drop_id}
    if drop_id not in counter.books.drafts:
        return Decision((), answer)
    return Decision((DraftDiscarded(drop_id),), answer)


def schedule_draft(counter: Counter, drop_id: str, seed: str, now_ms: int) -> Decision:
    """Declare a drop with the terms of its draft; asked again, it is scheduled already. `seed` is
    for its lottery, if it is one, and what the lottery promises unless the draft says so itself.
    """
    books = counter.books
    known = books.drops.get(drop_id)
    terms = known.terms if known is not None else books.drafts.get(drop_id)
    if terms is None:
        return refuse(ErrorCode.NOT_FOUND, f"no draft {drop_id}")
    if known is not None or terms.lottery is None:
        return schedule(counter, terms, now_ms)
    if not terms.lottery.commitment:
        lottery = structs.replace(terms.lottery, commitment=commitment_to(seed))
        terms = structs.replace(terms, lottery=lottery)
    return schedule(counter, terms, now_ms, seed)
