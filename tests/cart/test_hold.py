"""The cart: units are reserved at a frozen price, for a while, within a limit."""

import pytest

from cart.bounds import ANSWERS_KEPT_MS, COMMANDS_KEPT_MAX, LINES_MAX
from cart.outcome import ErrorCode, Refusal
from tests.cart.till import HOLD_TTL_MS, PRICE_MINOR, SANTOS, Till, ok, refusal


@pytest.fixture
def till() -> Till:
    till = Till()
    till.sell(supply=3, limit=2)
    return till


def test_adding_reserves_units_at_a_frozen_price_until_a_deadline(till: Till) -> None:
    assert ok(till.add("wang", quantity=2)) == {
        "hold_id": "h1",
        "drop_id": SANTOS,
        "sku": SANTOS,
        "quantity": 2,
        "price_minor": PRICE_MINOR,
        "currency": "CNY",
        "expires_at_ms": till.now_ms + HOLD_TTL_MS,
    }
    assert till.stock() == (1, 2, 0, 0)


def test_a_sku_that_no_drop_sells_is_not_found(till: Till) -> None:
    assert refusal(till.add("wang", "tank")) is ErrorCode.NOT_FOUND


def test_before_the_opening_the_answer_says_how_long_to_wait(till: Till) -> None:
    till.schedule("tank", opens_at_ms=till.now_ms + 5_000)
    answer = till.add("wang", "tank")
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.retry_after_ms) == (ErrorCode.NOT_OPEN, 5_000)


def test_without_an_opening_time_there_is_no_time_to_wait(till: Till) -> None:
    till.schedule("tank")
    answer = till.add("wang", "tank")
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.retry_after_ms) == (ErrorCode.NOT_OPEN, 0)


def test_when_all_units_are_held_the_shopper_may_try_again(till: Till) -> None:
    till.add("wang", quantity=2)
    till.add("li")
    answer = till.add("zhao")
    assert isinstance(answer, Refusal)
    assert answer.code is ErrorCode.ALL_HELD
    assert answer.code.retryable
    assert answer.retry_after_ms > 0


def test_when_all_units_are_paid_for_the_answer_is_sold_out(till: Till) -> None:
    till.buy("wang", quantity=2)
    till.buy("li")
    assert refusal(till.add("zhao")) is ErrorCode.SOLD_OUT


def test_asking_for_more_than_is_free_reserves_nothing(till: Till) -> None:
    till.add("wang", quantity=2)
    assert refusal(till.add("li", quantity=2)) is ErrorCode.ALL_HELD
    assert till.stock() == (1, 2, 0, 0)


def test_the_limit_counts_units_and_not_commands(till: Till) -> None:
    assert refusal(till.add("wang", quantity=3)) is ErrorCode.LIMIT_REACHED
    ok(till.add("wang"))
    ok(till.add("wang"))
    assert refusal(till.add("wang")) is ErrorCode.LIMIT_REACHED


def test_the_limit_counts_holds_and_orders_together(till: Till) -> None:
    till.place("wang")
    ok(till.add("wang"))
    assert refusal(till.add("wang")) is ErrorCode.LIMIT_REACHED
    till.remove("wang")
    till.buy("wang")
    assert refusal(till.add("wang")) is ErrorCode.LIMIT_REACHED


@pytest.mark.parametrize("how", ["removed", "hold expired", "order expired", "refunded"])
def test_units_given_back_no_longer_count_against_the_limit(how: str) -> None:
    till = Till()
    till.sell(limit=1)
    match how:
        case "removed":
            till.add("wang")
            till.remove("wang")
        case "hold expired":
            till.add("wang")
            till.wait(HOLD_TTL_MS)
        case "order expired":
            till.place("wang")
            till.wait(300_000)
        case "refunded":
            till.refund(till.buy("wang"))
    ok(till.add("wang"))


def test_each_viewer_has_a_limit_of_their_own(till: Till) -> None:
    ok(till.add("wang", quantity=2))
    ok(till.add("li"))


def test_a_repeat_by_id_gets_the_first_answer_and_reserves_nothing_more(till: Till) -> None:
    first = ok(till.add("wang", command_id="c-1"))
    till.now_ms += 1_000
    assert ok(till.add("wang", command_id="c-1")) == first
    assert till.last == []


def test_a_repeat_after_the_hold_ran_out_still_gets_the_first_answer(till: Till) -> None:
    first = ok(till.add("wang", command_id="c-1"))
    till.wait(HOLD_TTL_MS)
    assert ok(till.add("wang", command_id="c-1")) == first
    assert till.stock() == (3, 0, 0, 0)


def test_two_viewers_may_use_the_same_id(till: Till) -> None:
    assert ok(till.add("wang", command_id="1"))["hold_id"] == "h1"
    assert ok(till.add("li", command_id="1"))["hold_id"] == "h2"


def test_the_same_id_with_other_content_is_a_conflict(till: Till) -> None:
    till.sell("tank")
    till.add("wang", command_id="c-1")
    assert refusal(till.add("wang", quantity=2, command_id="c-1")) is ErrorCode.CONFLICT
    assert refusal(till.add("wang", "tank", command_id="c-1")) is ErrorCode.CONFLICT
    assert refusal(till.remove("wang", command_id="c-1")) is ErrorCode.CONFLICT
    till.remove("wang", command_id="c-2")
    assert refusal(till.add("wang", command_id="c-2")) is ErrorCode.CONFLICT


def fill_memory(till: Till, commands: int, since: int = 0) -> None:
    """So many changes of a cart, in pairs."""
    for number in range(since, since + commands // 2):
        ok(till.add("wang", command_id=f"add-{number}"))
        ok(till.remove("wang", command_id=f"remove-{number}"))


def test_a_command_is_remembered_for_a_day_however_many_follow(till: Till) -> None:
    first = ok(till.add("wang", command_id="old"))
    ok(till.remove("wang", command_id="away"))
    fill_memory(till, COMMANDS_KEPT_MAX - 2)
    till.wait(ANSWERS_KEPT_MS)
    assert ok(till.add("wang", command_id="old")) == first
    assert ok(till.remove("wang", command_id="away")) == {"sku": SANTOS, "removed": 1}
    assert till.last == []


def test_one_more_than_can_be_remembered_is_told_to_wait(till: Till) -> None:
    ok(till.add("wang", command_id="old"))
    ok(till.remove("wang", command_id="away"))
    fill_memory(till, COMMANDS_KEPT_MAX - 2)
    asked = till.add("wang", command_id="new")
    assert refusal(asked) is ErrorCode.RATE_LIMITED
    assert isinstance(asked, Refusal)
    till.wait(asked.retry_after_ms)
    ok(till.add("wang", command_id="new"))
    ok(till.remove("wang", command_id="new-away"))
    assert len(till.counter.books.baskets["wang"].recent) <= COMMANDS_KEPT_MAX


def test_putting_back_is_remembered_and_bounded_alike(till: Till) -> None:
    fill_memory(till, COMMANDS_KEPT_MAX - 2)
    ok(till.add("wang", command_id="a"))
    ok(till.add("wang", command_id="b"))
    assert refusal(till.remove("wang", command_id="c")) is ErrorCode.RATE_LIMITED


def test_what_is_older_than_a_day_makes_room(till: Till) -> None:
    for day in range(3):
        fill_memory(till, 100, since=day * 50)
        till.wait(2 * ANSWERS_KEPT_MS)
    fill_memory(till, 100, since=150)
    assert len(till.counter.books.baskets["wang"].recent) <= 120


def test_a_cart_has_so_many_lines_and_no_more(till: Till) -> None:
    till.sell("ring", supply=50, limit=50)
    for _ in range(LINES_MAX):
        ok(till.add("wang", "ring"))
    assert refusal(till.add("wang", "ring")) is ErrorCode.LIMIT_REACHED


def test_a_cart_has_one_currency(till: Till) -> None:
    till.sell("tank", currency="EUR")
    till.add("wang")
    assert refusal(till.add("wang", "tank")) is ErrorCode.CONFLICT
    ok(till.check_out("wang"))
    ok(till.add("wang", "tank"))


# -- putting back ------------------------------------------------------------------------------


def test_part_of_a_hold_can_be_put_back_and_the_rest_keeps_its_deadline(till: Till) -> None:
    hold = ok(till.add("wang", quantity=2))
    assert ok(till.remove("wang", quantity=1)) == {"sku": SANTOS, "removed": 1}
    assert till.stock() == (2, 1, 0, 0)
    (left,) = till.show("wang")["holds"]
    assert (left["quantity"], left["expires_at_ms"]) == (1, hold["expires_at_ms"])


def test_the_newest_hold_is_put_back_first(till: Till) -> None:
    till.add("wang")
    till.now_ms += 1_000
    till.add("wang")
    till.remove("wang", quantity=1)
    assert [hold["hold_id"] for hold in till.show("wang")["holds"]] == ["h1"]


def test_putting_back_runs_over_several_holds(till: Till) -> None:
    till.sell("ring", supply=9, limit=9)
    till.add("wang", "ring", 2)
    till.add("wang", "ring", 3)
    assert ok(till.remove("wang", "ring", 4))["removed"] == 4
    assert till.names() == ["hold.released", "hold.released"]
    assert [hold["quantity"] for hold in till.show("wang")["holds"]] == [1]


def test_without_a_quantity_all_of_that_sku_goes_back_and_nothing_else(till: Till) -> None:
    till.sell("ring", limit=9)
    till.add("wang", "ring", 3)
    till.add("wang")
    assert ok(till.remove("wang", "ring"))["removed"] == 3
    assert [hold["sku"] for hold in till.show("wang")["holds"]] == [SANTOS]


def test_no_more_goes_back_than_is_held(till: Till) -> None:
    till.add("wang")
    assert ok(till.remove("wang", quantity=50))["removed"] == 1
    assert till.stock() == (3, 0, 0, 0)


def test_putting_back_twice_by_id_gets_the_first_answer(till: Till) -> None:
    till.add("wang", quantity=2)
    first = ok(till.remove("wang", quantity=1, command_id="c-9"))
    assert ok(till.remove("wang", quantity=1, command_id="c-9")) == first
    assert till.last == []
    assert till.stock() == (2, 1, 0, 0)


def test_a_removal_by_a_used_id_but_of_other_content_is_a_conflict(till: Till) -> None:
    till.sell("tank")
    till.add("wang", quantity=2)
    till.add("wang", "tank")
    first = ok(till.remove("wang", quantity=2, command_id="c-9"))
    assert refusal(till.remove("wang", "tank", command_id="c-9")) is ErrorCode.CONFLICT
    assert refusal(till.remove("wang", quantity=1, command_id="c-9")) is ErrorCode.CONFLICT
    assert ok(till.remove("wang", quantity=2, command_id="c-9")) == first
    assert [hold["sku"] for hold in till.show("wang")["holds"]] == ["tank"]


def test_a_repeat_of_a_removal_over_several_holds_tells_the_whole_number(till: Till) -> None:
    till.add("wang")
    till.add("wang")
    first = ok(till.remove("wang", command_id="c-9"))
    assert first["removed"] == 2
    assert ok(till.remove("wang", command_id="c-9")) == first


def test_who_never_held_anything_has_an_empty_cart(till: Till) -> None:
    assert refusal(till.remove("wang")) is ErrorCode.EMPTY_CART


def test_what_is_not_in_the_cart_is_not_found(till: Till) -> None:
    till.add("wang")
    assert refusal(till.remove("wang", "tank")) is ErrorCode.NOT_FOUND
    till.check_out("wang")
    assert refusal(till.remove("wang")) is ErrorCode.NOT_FOUND, "an order is not in the cart"


def test_a_hold_that_was_put_back_does_not_expire_as_well(till: Till) -> None:
    till.add("wang")
    till.remove("wang")
    assert till.wait(HOLD_TTL_MS) == []


def test_looking_at_an_empty_cart_shows_nothing(till: Till) -> None:
    assert till.show("wang") == {"holds": [], "orders": [], "waiting": []}
