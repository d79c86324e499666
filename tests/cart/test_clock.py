"""What time does by itself, in the order of the deadlines and a bounded number at a time."""

import pytest

from cart import clock
from cart.bounds import STOCK_SHOWN_EVERY_MS
from cart.clock import FACTS_PER_TICK_MAX, next_due_ms
from cart.counter import STALE_PER_LOOK_MAX, Counter
from cart.drop import DropStatus
from cart.events import StockShown
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, Till, ok


@pytest.fixture
def till() -> Till:
    return Till()


def test_a_drop_opens_at_its_time_and_not_a_millisecond_before(till: Till) -> None:
    till.schedule(opens_at_ms=till.now_ms + 5_000)
    assert till.wait(4_999) == []
    till.wait(1)
    assert till.names() == ["drop.opened"]
    assert till.status() is DropStatus.OPEN


def test_a_drop_whose_time_has_passed_opens_at_once(till: Till) -> None:
    till.schedule(opens_at_ms=1)
    till.wait(0)
    assert till.status() is DropStatus.OPEN


def test_a_drop_that_was_closed_before_its_time_does_not_open(till: Till) -> None:
    till.schedule(opens_at_ms=till.now_ms + 5_000)
    till.close()
    assert till.wait(5_000) == []


def test_a_hold_ends_at_its_deadline_and_its_units_are_free_again(till: Till) -> None:
    till.sell(supply=1)
    till.add("wang")
    assert till.wait(HOLD_TTL_MS - 1) == []
    till.wait(1)
    assert till.names() == ["hold.expired", "drop.opened"]
    ok(till.add("li"))


def test_facts_come_in_the_order_of_their_deadlines(till: Till) -> None:
    till.sell(supply=9)
    till.sell("ring", supply=9, pay_ttl_ms=HOLD_TTL_MS - 2_000)
    till.add("wang")
    till.now_ms += 1_000
    till.place("li", "ring")
    till.schedule("tank", opens_at_ms=till.now_ms + 10)
    till.wait(10 * HOLD_TTL_MS)
    assert till.names() == ["drop.opened", "order.expired", "hold.expired"]


def test_one_tick_makes_a_bounded_number_of_facts_and_the_next_goes_on(till: Till) -> None:
    till.sell(supply=3_000)
    for number in range(FACTS_PER_TICK_MAX + 7):
        till.add(f"viewer-{number}")
    assert len(till.wait(HOLD_TTL_MS)) == FACTS_PER_TICK_MAX
    assert next_due_ms(till.counter) is not None
    assert len(till.wait(0)) == 7
    assert till.stock() == (3_000, 0, 0, 0)


def test_a_counter_rebuilt_from_its_books_has_the_same_deadlines(till: Till) -> None:
    till.sell(supply=9)
    till.schedule("tank", opens_at_ms=till.now_ms + HOLD_TTL_MS)
    for viewer in ("wang", "li", "zhao"):
        till.add(viewer)
        till.now_ms += 1
    till.check_out("li")
    till.now_ms += 10 * PAY_TTL_MS
    rebuilt = Counter(till.counter.books)
    assert clock.tick(rebuilt, till.now_ms) == clock.tick(till.counter, till.now_ms)


# -- what viewers are told ---------------------------------------------------------------------


def test_changed_stock_is_told_once(till: Till) -> None:
    till.sell()
    till.add("wang")
    till.now_ms += STOCK_SHOWN_EVERY_MS
    assert till.tell_stock() == [StockShown(SANTOS, SANTOS, available=2, held=1, sold=0)]
    till.now_ms += STOCK_SHOWN_EVERY_MS
    assert till.tell_stock() == []


def test_many_changes_within_a_quarter_of_a_second_are_told_as_one(till: Till) -> None:
    till.sell(supply=9)
    till.now_ms += STOCK_SHOWN_EVERY_MS
    till.add("viewer-0")
    assert len(till.tell_stock()) == 1
    for number in range(1, 6):
        till.add(f"viewer-{number}")
        till.now_ms += 40
        assert till.tell_stock() == []
    till.now_ms += 50
    assert till.tell_stock() == [StockShown(SANTOS, SANTOS, available=3, held=6, sold=0)]


def test_a_change_that_was_undone_before_it_was_told_is_not_told(till: Till) -> None:
    till.sell()
    till.add("wang")
    till.remove("wang")
    till.now_ms += STOCK_SHOWN_EVERY_MS
    assert till.tell_stock() == []


def test_each_drop_is_told_at_its_own_time(till: Till) -> None:
    till.sell()
    till.sell("ring")
    till.add("wang")
    till.now_ms += STOCK_SHOWN_EVERY_MS
    till.tell_stock()
    till.add("wang", "ring")
    told = till.tell_stock()
    assert [fact.drop_id for fact in told if isinstance(fact, StockShown)] == ["ring"]


# -- when to wake up ---------------------------------------------------------------------------


def test_with_nothing_to_come_there_is_no_time_to_wake(till: Till) -> None:
    assert next_due_ms(till.counter) is None
    till.schedule()
    assert next_due_ms(till.counter) is None


def test_the_next_thing_due_is_a_deadline_or_the_telling_of_stock(till: Till) -> None:
    till.schedule(opens_at_ms=till.now_ms + 5_000)
    assert next_due_ms(till.counter) == till.now_ms + 5_000
    till.wait(5_000)
    hold = ok(till.add("wang"))
    assert next_due_ms(till.counter) == till.of().shown_at_ms + STOCK_SHOWN_EVERY_MS
    till.tell_stock()
    assert next_due_ms(till.counter) == hold["expires_at_ms"]


def test_a_forgotten_cart_does_not_make_one_look_at_the_clock_a_long_one(till: Till) -> None:
    """Its deadline comes first; behind it wait those of everybody who has bought since."""
    till.sell(supply=2 * STALE_PER_LOOK_MAX)
    till.add("forgotten")
    for number in range(STALE_PER_LOOK_MAX):
        till.now_ms += 1
        till.buy(f"viewer-{number}")
    agenda = till.counter.agenda
    till.wait(HOLD_TTL_MS - STALE_PER_LOOK_MAX)
    assert till.names() == ["hold.expired"]
    before = len(agenda)
    assert till.counter.next_deadline_ms() is not None, "an entry that has ended, and early"
    assert len(agenda) == before - STALE_PER_LOOK_MAX
    assert till.counter.next_deadline_ms() is None
    assert agenda == []


def test_what_has_ended_wakes_nobody(till: Till) -> None:
    till.sell(supply=1)
    till.buy("wang")
    till.now_ms += STOCK_SHOWN_EVERY_MS
    till.tell_stock()
    assert next_due_ms(till.counter) is None
