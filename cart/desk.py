"""What the host may do with drops and orders.

Each function reads the books, changes nothing, and returns a `Decision`. Pressing a button twice
does no harm: what already is as asked is answered with success and no fact.

Owns the host's rules. Refuses to know roles and tokens: who may press is settled at the door.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import structs

from cart import lottery, presale, refunding, reserving
from cart.awards import taken_back
from cart.bounds import DROPS_MAX, SUPPLY_MAX
from cart.counter import Counter
from cart.delivery import released
from cart.drop import Drop, DropStatus, DropTerms, flaw_in_edition
from cart.events import (
    DropClosed,
    DropOpened,
    DropPaused,
    DropRestocked,
    DropScheduled,
    OrderCancelled,
    OrderRefunded,
)
from cart.fact import Fact
from cart.order import OrderStatus
from cart.outcome import Decision, ErrorCode, refuse
from cart.perk import flaw_in
from cart.personalisation import flaw_in_options
from cart.price import flaw_in_flash
from cart.refunding import Asked
from cart.shelf import flaw_in_allocations


def schedule(
    counter: Counter, terms: DropTerms, now_ms: int, seed: str = "", seed_made: bool = False
) -> Decision:
    """Declare a drop. The same terms again are answered with success; other terms are a
    conflict. `seed` is that of its lottery; one that was `seed_made` for this very command is
    another each time, and does not make the terms others.
    """
    books = counter.books
    known = books.drops.get(terms.drop_id)
    if known is not None:
        if known.terms == terms or (seed_made and _differ_in_seed(known.terms, terms)):
            return Decision((), drop_result(known))
        return refuse(ErrorCode.CONFLICT, f"drop {terms.drop_id} exists with other terms")
    flaw = _flaw_in(terms, now_ms) or _flaw_in_lottery(terms, now_ms, seed)
    if flaw is not None:
        return refuse(ErrorCode.INVALID, flaw)
    if len(books.drops) >= DROPS_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"a room has at most {DROPS_MAX} drops")
    selling = books.drop_of_sku.get(terms.sku)
    if selling is not None and books.drops[selling].status is not DropStatus.CLOSED:
        return refuse(ErrorCode.CONFLICT, f"{terms.sku} is already sold by drop {selling}")
    return Decision((DropScheduled(terms, seed),), _result(terms, DropStatus.SCHEDULED))


def _flaw_in(terms: DropTerms, now_ms: int) -> str | None:
    """What is wrong with the terms, in a sentence; None when they may stand."""
    return (
        flaw_in(terms.perks)
        or flaw_in_edition(terms)
        or flaw_in_flash(terms.flash)
        or flaw_in_options(terms.options)
        or flaw_in_allocations(terms.allocations, terms.supply, terms.merge_at_ms)
        or _flaw_in_shelves(terms)
        or (None if terms.access is None else terms.access.flaw(terms.opens_at_ms))
        or _flaw_in_presale(terms, now_ms)
        or reserving.flaw_in(terms)
    )


def _flaw_in_presale(terms: DropTerms, now_ms: int) -> str | None:
    if terms.presale is None:
        return None
    cheapest_minor = min([terms.price_minor, *(price.price_minor for price in terms.flash)])
    drawn = terms.lottery
    opens_at_ms = terms.first_opens_at_ms if drawn is None else drawn.entries_until_ms
    return presale.flaw_in(terms.presale, cheapest_minor, opens_at_ms, now_ms)


def _flaw_in_shelves(terms: DropTerms) -> str | None:
    if terms.allocations and terms.lottery is not None:
        return "a lottery draws for one supply: its drop has no allocations"
    return None


def _flaw_in_lottery(terms: DropTerms, now_ms: int, seed: str) -> str | None:
    if terms.lottery is None:
        return "a seed is given, and no lottery" if seed else None
    return lottery.flaw_in(terms.lottery, seed, terms.first_opens_at_ms, now_ms)


def _differ_in_seed(known: DropTerms, terms: DropTerms) -> bool:
    if known.lottery is None or terms.lottery is None:
        return False
    drawn = structs.replace(terms.lottery, commitment=known.lottery.commitment)
    return structs.replace(terms, lottery=drawn) == known


def open_now(counter: Counter, drop_id: str) -> Decision:
    """Open a scheduled drop before its time, or resume a paused one."""
    drop = counter.books.drops.get(drop_id)
    if drop is None:
        return _no_drop(drop_id)
    match drop.status:
        case DropStatus.OPEN | DropStatus.ALL_HELD:
            return Decision((), drop_result(drop))
        case DropStatus.DRAFT | DropStatus.SCHEDULED:
            if drop.lottery is not None:
                return refuse(ErrorCode.CONFLICT, f"drop {drop_id} opens by its draw")
            opened = DropOpened(drop_id, "host")
        case DropStatus.PAUSED:
            opened = DropOpened(drop_id, "resumed")
        case DropStatus.SOLD_OUT | DropStatus.CLOSED:
            return refuse(ErrorCode.CONFLICT, f"drop {drop_id} is {drop.status.value}")
    return Decision((opened,), {"drop_id": drop_id, "status": DropStatus.OPEN.value})


def pause(counter: Counter, drop_id: str) -> Decision:
    """Stop new holds for a while."""
    drop = counter.books.drops.get(drop_id)
    if drop is None:
        return _no_drop(drop_id)
    if drop.status is DropStatus.PAUSED:
        return Decision((), drop_result(drop))
    if not drop.status.is_open:
        return refuse(ErrorCode.CONFLICT, f"drop {drop_id} is {drop.status.value}")
    return Decision((DropPaused(drop_id),), {"drop_id": drop_id, "status": "paused"})


def restock(counter: Counter, drop_id: str, quantity: int, channel: str = "") -> Decision:
    """Add units, to the shelf of `channel` if one is named. A drop without any opens again, or is
    paused again if the host had paused it.
    """
    drop = counter.books.drops.get(drop_id)
    if drop is None:
        return _no_drop(drop_id)
    if drop.status is DropStatus.CLOSED:
        return refuse(ErrorCode.CONFLICT, f"drop {drop_id} is closed")
    if drop.stock.supplied + quantity > SUPPLY_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"a drop has at most {SUPPLY_MAX} units")
    if channel and (drop.shelves is None or drop.shelves.of_channel(channel) != channel):
        return refuse(ErrorCode.CONFLICT, f"drop {drop_id} has no shelf for {channel} now")
    facts: list[Fact] = [DropRestocked(drop_id, quantity, channel)]
    status = drop.status
    if _is_empty(drop, [channel]):
        facts.append(_back_on_sale(drop, "restock"))
        status = DropStatus.PAUSED if drop.paused else DropStatus.OPEN
    return Decision(facts, {"drop_id": drop_id, "status": status.value})


def _is_empty(drop: Drop, shelves: Iterable[str]) -> bool:
    """Whether nothing can be taken just because nothing is there, so that new units on these
    shelves open it.
    """
    if drop.status is DropStatus.ALL_HELD:
        # Who waits for them is served first, and what is left opens it.
        return not all(drop.awaited(shelf) for shelf in shelves)
    return drop.status is DropStatus.SOLD_OUT


def _back_on_sale(drop: Drop, reason: Literal["restock", "refund"]) -> DropOpened | DropPaused:
    """What becomes of an empty drop that has units again."""
    return (DropPaused if drop.paused else DropOpened)(drop.terms.drop_id, reason)


def close(counter: Counter, drop_id: str) -> Decision:
    """End a drop: free units are withdrawn, held ones may still be paid."""
    drop = counter.books.drops.get(drop_id)
    if drop is None:
        return _no_drop(drop_id)
    if drop.status is DropStatus.CLOSED:
        return Decision((), drop_result(drop))
    return Decision((_closing(drop),), {"drop_id": drop_id, "status": "closed"})


def close_all(counter: Counter) -> list[Fact]:
    """The facts that end every drop still alive: the room ends."""
    alive = (d for d in counter.books.drops.values() if d.status is not DropStatus.CLOSED)
    return [_closing(drop) for drop in alive]


def _closing(drop: Drop) -> DropClosed:
    return DropClosed(drop.terms.drop_id, withdrawn=drop.stock.available)


def refund(counter: Counter, order_id: str, asked: Asked) -> Decision:
    """Give a paid order's money back, all that is left or a part of it, or the deposit of one that
    waits for its balance; units that go back return to the shelf if asked so. Perks pass on with
    the whole order only.
    """
    books = counter.books
    given = refunding.refund(books, order_id, asked)
    if isinstance(given, Decision):
        return given
    order, fact = books.orders[order_id], given.fact
    whole = isinstance(fact, OrderRefunded)
    back = {line.hold_id for line in given.lines if line.quantity}
    restocked: dict[str, list[str]] = {}
    for line in order.lines if asked.restock else ():
        if line.hold_id in back:
            restocked.setdefault(line.drop_id, []).append(line.shelf)
    facts: list[Fact] = [*given.before, fact]
    for drop_id, shelves in restocked.items():
        drop = books.drops[drop_id]
        if _is_empty(drop, shelves):
            facts.append(_back_on_sale(drop, "refund"))
    if isinstance(fact, OrderCancelled):  # it has won nothing yet
        facts += released(books, order_id, "cancelled")
        status = OrderStatus.CANCELLED
    else:
        facts += taken_back(counter, order, given.lines, asked.restock, whole)
        status = OrderStatus.REFUNDED if whole else order.status
    return Decision(
        facts, refunding.answer_of(fact.refund_id, order_id, given.amount_minor, status.value)
    )


def drop_result(drop: Drop) -> dict[str, str]:
    """The short answer to every command about a drop: its id and status; of a lottery what is
    promised.
    """
    return _result(drop.terms, drop.status)


def _result(terms: DropTerms, status: DropStatus) -> dict[str, str]:
    answer = {"drop_id": terms.drop_id, "status": status.value}
    if terms.lottery is not None:
        answer["commitment"] = terms.lottery.commitment
    return answer


def _no_drop(drop_id: str) -> Decision:
    return refuse(ErrorCode.NOT_FOUND, f"no drop {drop_id}")
