"""The fold: facts that cannot be true are refused, and a snapshot is the whole of the state."""

import msgspec
import pytest

from cart import events
from cart.access import AccessTerms
from cart.books import Books
from cart.counter import Counter
from cart.fact import Fact
from cart.folds import evolve
from cart.order import OrderLine
from cart.perk import PerkTerms
from cart.stock import BrokenBooksError
from tests.cart.till import PRICE_MINOR, SANTOS, Till


@pytest.fixture
def till() -> Till:
    """One unit sold, one in a cart, one in an order, one free."""
    till = Till()
    till.sell(supply=4)
    till.buy("wang")
    till.add("li")
    till.place("sun")
    return till


def held(quantity: int) -> events.HoldPlaced:
    return events.HoldPlaced(
        "h9", "zhao", SANTOS, SANTOS, quantity, PRICE_MINOR, "CNY", 2_000_000, "c"
    )


@pytest.mark.parametrize(
    "fact",
    [
        held(2),
        events.HoldReleased("h2", 2, "c"),
        events.HoldReleased("h1", 1, "c"),
        events.HoldExpired("h1", "wang", SANTOS, 1),
        events.HoldExpired("h3", "sun", SANTOS, 1),
        events.HoldReleased("h3", 1, "c"),
        events.DropSoldOut(SANTOS),
        events.DropClosed(SANTOS, 2),
        events.DropOpened("ghost", "host"),
        events.OrderPaid("o1", "o1-p1", 2),
        events.OrderPaid("o9", "o9-p1", 2),
        events.OrderExpired("o1", "wang"),
        events.OrderPlaced(
            "o3",
            "co",
            "li",
            "tmall",
            [OrderLine("h7", SANTOS, SANTOS, 1, PRICE_MINOR)],
            PRICE_MINOR,
            "CNY",
            2_000_000,
            {},
        ),
        events.PerkRevoked(SANTOS, "bellboy", "o1", 1),
        events.InvitationWithdrawn(["nobody"]),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_fact_that_cannot_be_true_is_broken_books(till: Till, fact: Fact) -> None:
    with pytest.raises(BrokenBooksError):
        evolve(till.counter, fact, till.now_ms)


def test_a_second_refund_of_one_order_is_broken_books(till: Till) -> None:
    till.refund("o1", restock=False)
    again = events.OrderRefunded("o1", "o1-p1", PRICE_MINOR, restocked=False, refund_id="o1-p1-r2")
    with pytest.raises(BrokenBooksError):
        evolve(till.counter, again, till.now_ms)


def everything_at_once() -> Till:
    """A counter with something in every corner of its books."""
    till = Till()
    till.sell(supply=9, limit=3, perks=[PerkTerms("bellboy", "Bellboy", 2, "pass")])
    till.sell("ring", currency="EUR", limit=3)
    till.schedule("tank", opens_at_ms=till.now_ms + 900_000)
    till.buy("wang")
    till.buy("li", channel="wechat")
    till.refund("o1")
    till.add("zhao", "ring", 2)
    till.remove("zhao", "ring", 1)
    order_id = till.place("wu")
    till.pay("wu", order_id)
    till.decline(f"{order_id}-p1")
    till.add("sun")
    till.tell_stock()
    till.wait(130_000)
    till.add("sun")
    till.rules(invited_only=True, limit_per_viewer=5, one_product_per_order=True)
    till.invite("qian", "zheng", tier="gold")
    till.withdraw("zheng")
    till.schedule("box", access=AccessTerms({"gold": till.now_ms}, invited_only=True))
    till.wait(0)
    till.invite("feng", drop_id="box")
    till.add("qian", "box")
    till.add("chen", "box", tier="gold", invited=True)
    return till


def test_a_snapshot_decodes_to_equal_books() -> None:
    books = everything_at_once().counter.books
    payload = msgspec.json.encode(books)
    assert msgspec.json.decode(payload, type=Books) == books


def test_a_fold_of_the_facts_from_nothing_gives_equal_books() -> None:
    till = everything_at_once()
    again = Till()
    replayed = Counter()
    for fact in till.facts:
        evolve(replayed, fact, again.now_ms)
    assert replayed.books.takings == till.counter.books.takings
    assert replayed.books.holds == till.counter.books.holds
    assert replayed.books.baskets == till.counter.books.baskets


def test_two_counters_never_share_their_defaults() -> None:
    till, other = Till(), Till()
    till.sell()
    till.buy("wang")
    assert other.counter.books == Books()
