"""The waiting line: who gets the next unit that falls free."""

import pytest

from cart.bounds import LINES_MAX
from cart.counter import OFFERS_PER_TURN_MAX, Counter
from cart.drop import DropStatus
from cart.line import LINE_MAX, Line
from cart.outcome import ErrorCode
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, PRICE_MINOR, SANTOS, Till, ok, refusal


@pytest.fixture
def till() -> Till:
    """Wang holds the only unit."""
    till = Till()
    till.sell(supply=1)
    ok(till.add("wang"))
    return till


def numbers(till: Till) -> list[int]:
    return [place.number for place in till.of().line]


# -- joining -----------------------------------------------------------------------------------


def test_who_joins_is_told_the_place_and_the_odds(till: Till) -> None:
    ok(till.join("li"))
    assert ok(till.join("zhao")) == {
        "drop_id": SANTOS,
        "sku": SANTOS,
        "quantity": 1,
        "number": 2,
        "ahead": 1,
        "held": 1,
    }
    assert till.names() == ["line.joined"]
    assert till.in_line() == ["li", "zhao"]


def test_with_a_free_unit_and_nobody_waiting_it_is_simply_a_hold() -> None:
    till = Till()
    till.sell(supply=1)
    hold = ok(till.join("wang", command_id="j-1"))
    assert (hold["hold_id"], hold["price_minor"]) == ("h1", PRICE_MINOR)
    assert till.names() == ["hold.placed", "drop.all_held"]
    assert ok(till.join("wang", command_id="j-1")) == hold


def test_a_repeat_by_id_gets_the_first_answer(till: Till) -> None:
    first = ok(till.join("li", command_id="j-1"))
    till.join("zhao")
    assert ok(till.join("li", command_id="j-1")) == first
    assert till.last == []
    till.remove("wang")
    assert ok(till.join("li", command_id="j-1")) == first, "also when the unit has been offered"
    assert till.last == []


def test_joining_again_changes_nothing(till: Till) -> None:
    first = ok(till.join("li"))
    assert ok(till.join("li")) == first
    assert till.last == []


def test_joining_for_another_number_of_units_is_refused(till: Till) -> None:
    till.sell("ring", supply=2, limit=2)
    ok(till.add("wang", "ring", 2))
    ok(till.join("li", "ring"))
    assert refusal(till.join("li", "ring", 2)) is ErrorCode.IN_LINE


def test_an_id_of_something_else_is_a_conflict(till: Till) -> None:
    till.sell("ring")
    till.join("li", command_id="j-1")
    assert refusal(till.join("li", "ring", command_id="j-1")) is ErrorCode.CONFLICT
    assert refusal(till.add("li", command_id="j-1")) is ErrorCode.CONFLICT
    assert refusal(till.leave("li", command_id="j-1")) is ErrorCode.CONFLICT


def test_who_could_not_buy_cannot_wait(till: Till) -> None:
    assert refusal(till.join("wang")) is ErrorCode.LIMIT_REACHED
    assert refusal(till.join("li", quantity=2)) is ErrorCode.LIMIT_REACHED
    assert refusal(till.join("li", "tank")) is ErrorCode.NOT_FOUND
    till.schedule("later")
    assert refusal(till.join("li", "later")) is ErrorCode.NOT_OPEN
    till.pause()
    assert refusal(till.join("li")) is ErrorCode.NOT_OPEN
    till.close()
    assert refusal(till.join("li")) is ErrorCode.CLOSED


def test_nobody_waits_for_what_is_sold_out() -> None:
    till = Till()
    till.sell(supply=1)
    till.buy("wang")
    assert refusal(till.join("li")) is ErrorCode.SOLD_OUT


def test_a_line_has_an_end(till: Till) -> None:
    for number in range(LINE_MAX):
        till.of().line.join(f"v{number}", 1)
    assert refusal(till.join("li")) is ErrorCode.ALL_HELD


# -- nobody overtakes --------------------------------------------------------------------------


def test_while_somebody_waits_nobody_else_takes_a_unit() -> None:
    till = Till()
    till.sell(supply=2, limit=2)
    till.add("wang")
    ok(till.join("li", quantity=2))
    assert till.names() == ["line.joined", "hold.placed", "drop.all_held"], "one is free at once"
    till.join("zhao")
    till.remove("wang")
    assert till.in_line() == []
    assert refusal(till.add("qian")) is ErrorCode.ALL_HELD


def test_who_waits_and_adds_is_told_so(till: Till) -> None:
    till.join("li")
    assert refusal(till.add("li")) is ErrorCode.IN_LINE
    assert refusal(till.add("zhao")) is ErrorCode.ALL_HELD


def test_late_money_does_not_overtake() -> None:
    till = Till()
    till.sell(supply=1)
    order_id = till.place("wang")
    till.pay("wang", order_id)
    till.wait(PAY_TTL_MS)
    till.add("li")
    till.join("zhao")
    till.pause()
    till.remove("li")
    ok(till.approve(f"{order_id}-p1"))
    assert till.names() == ["payment.returned"], "the free unit belongs to who waits"


# -- offers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["removed", "hold expired", "order expired", "restock"])
def test_a_unit_that_falls_free_goes_to_the_first_in_line(till: Till, how: str) -> None:
    till.join("li")
    till.join("zhao")
    match how:
        case "removed":
            till.remove("wang")
        case "hold expired":
            till.wait(HOLD_TTL_MS)
        case "order expired":
            till.check_out("wang")
            till.wait(PAY_TTL_MS)
        case "restock":
            till.restock(1)
    assert till.names()[-1] == "hold.placed"
    assert till.in_line() == ["zhao"]
    (hold,) = till.show("li")["holds"]
    assert (hold["price_minor"], hold["expires_at_ms"]) == (PRICE_MINOR, till.now_ms + HOLD_TTL_MS)
    assert till.status() is DropStatus.ALL_HELD, "it was never open in between"


def test_a_refunded_unit_goes_to_the_first_in_line() -> None:
    till = Till()
    till.sell(supply=2)
    order_id = till.buy("wang")
    till.add("li")
    till.join("zhao")
    till.refund(order_id)
    assert till.names() == ["order.refunded", "hold.placed"]
    assert till.in_line() == []


def test_an_offer_that_runs_out_goes_to_the_next(till: Till) -> None:
    till.join("li")
    till.join("zhao")
    till.remove("wang")
    till.wait(HOLD_TTL_MS)
    assert till.names() == ["hold.expired", "hold.placed"]
    assert till.show("zhao")["holds"]
    assert not till.show("li")["holds"]


def test_an_offer_can_be_bought(till: Till) -> None:
    till.join("li")
    till.remove("wang")
    ok(till.pay("li", str(ok(till.check_out("li"))["order_id"])))
    ok(till.approve("o1-p1"))
    assert till.status() is DropStatus.SOLD_OUT


def test_with_fewer_free_than_wanted_the_offer_is_what_is_free() -> None:
    till = Till()
    till.sell(supply=3, limit=3)
    till.add("wang", quantity=3)
    till.join("li", quantity=3)
    till.join("zhao")
    till.remove("wang", quantity=2)
    assert [hold["quantity"] for hold in till.show("li")["holds"]] == [2]
    assert till.in_line() == ["zhao"], "an offer ends the waiting"
    till.remove("wang", quantity=1)
    assert till.in_line() == []


def test_several_units_go_to_several_viewers_in_order() -> None:
    till = Till()
    till.sell(supply=2, limit=2)
    till.add("wang", quantity=2)
    for viewer in ("li", "zhao", "qian"):
        till.join(viewer)
    till.remove("wang")
    assert till.names() == ["hold.released", "hold.placed", "hold.placed"]
    assert till.in_line() == ["qian"]


def test_when_all_who_wait_are_served_the_rest_is_for_everybody(till: Till) -> None:
    till.join("li")
    till.restock(2)
    assert till.names() == ["drop.restocked", "hold.placed", "drop.opened"]
    assert till.stock() == (1, 2, 0, 0)
    ok(till.add("zhao"))


def test_who_has_reached_the_limit_is_passed_over() -> None:
    till = Till()
    till.sell(supply=2)
    order_id = till.place("li")
    till.pay("li", order_id)
    till.wait(PAY_TTL_MS)
    till.add("wang")
    till.add("qian")
    till.join("li")
    till.join("zhao")
    till.of().taken["li"] = 1  # however it came about
    till.remove("wang")
    assert till.names() == ["hold.released", "line.left", "hold.placed"]
    assert till.show("zhao")["holds"]


def test_whose_cart_takes_no_more_is_passed_over(till: Till) -> None:
    till.join("li")
    till.join("zhao")
    till.sell("ring", supply=LINES_MAX, limit=LINES_MAX)
    for _ in range(LINES_MAX):
        till.add("li", "ring")
    till.remove("wang")
    assert till.names() == ["hold.released", "line.left", "hold.placed"]
    assert till.in_line() == []


def test_whose_cart_has_another_currency_is_passed_over(till: Till) -> None:
    till.join("li")
    till.sell("tank", currency="EUR")
    till.add("li", "tank")
    till.remove("wang")
    assert till.names() == ["hold.released", "line.left", "drop.opened"]


# -- leaving and the end -----------------------------------------------------------------------


def test_who_leaves_is_not_offered_anything(till: Till) -> None:
    till.join("li")
    till.join("zhao")
    assert ok(till.leave("li")) == {"drop_id": SANTOS, "sku": SANTOS}
    assert ok(till.leave("li")) == {"drop_id": SANTOS, "sku": SANTOS}
    assert till.last == []
    till.remove("wang")
    assert till.show("zhao")["holds"]


def test_what_no_drop_sells_has_no_line(till: Till) -> None:
    assert refusal(till.leave("li", "tank")) is ErrorCode.NOT_FOUND


def test_who_comes_back_is_at_the_end(till: Till) -> None:
    till.join("li")
    till.join("zhao")
    till.leave("li")
    till.join("li")
    assert till.in_line() == ["zhao", "li"]
    assert numbers(till) == [2, 3]


def test_while_a_drop_is_paused_the_line_waits(till: Till) -> None:
    till.join("li")
    till.pause()
    till.remove("wang")
    assert till.in_line() == ["li"]
    assert till.stock() == (1, 0, 0, 0)
    till.open()
    assert till.names() == ["drop.opened", "hold.placed", "drop.all_held"]


@pytest.mark.parametrize("how", ["sold out", "closed"])
def test_the_line_ends_with_the_drop_by_one_fact(till: Till, how: str) -> None:
    for viewer in ("li", "zhao", "qian"):
        till.join(viewer)
    if how == "closed":
        till.close()
    else:
        till.check_out("wang")
        till.pay("wang", "o1")
        till.approve("o1-p1")
    assert "line.left" not in till.names()
    assert till.in_line() == []
    assert till.show("li")["waiting"] == []


def test_numbers_go_on_after_the_line_has_ended() -> None:
    till = Till()
    till.sell(supply=2)
    order_id = till.buy("wang")
    till.place("li")
    till.join("zhao")
    till.pay("li", "o2")
    till.approve("o2-p1")
    assert till.status() is DropStatus.SOLD_OUT
    till.refund(order_id)
    till.add("qian")
    assert ok(till.join("zhao"))["number"] == 2


# -- what everybody can see --------------------------------------------------------------------


def test_a_cart_shows_where_its_viewer_waits(till: Till) -> None:
    till.join("li")
    till.join("zhao")
    till.leave("li")
    (place,) = till.show("zhao")["waiting"]
    assert (place["number"], place["ahead"], place["held"]) == (2, 0, 1)


def test_everybody_is_told_how_the_line_moves(till: Till) -> None:
    for viewer in ("li", "zhao", "qian"):
        till.join(viewer)
    till.leave("li")
    till.now_ms += 1_000
    (told,) = till.tell_stock()
    assert (getattr(told, "waiting", 0), getattr(told, "next", 0)) == (2, 2)
    assert till.tell_stock() == []


# -- bounds ------------------------------------------------------------------------------------


def test_one_turn_offers_so_many_units_and_the_next_goes_on() -> None:
    till = Till()
    till.sell(supply=1)
    till.add("wang")
    crowd = OFFERS_PER_TURN_MAX + 10
    for number in range(crowd):
        till.join(f"v{number}")
    till.restock(crowd + 1)
    assert till.names().count("hold.placed") == OFFERS_PER_TURN_MAX
    assert refusal(till.add("late")) is ErrorCode.ALL_HELD, "ten still come first"
    assert till.counter.next_deadline_ms() == till.now_ms, "at once"
    till.wait(0)
    assert till.names().count("hold.placed") == 10
    assert till.status() is DropStatus.OPEN
    assert till.stock()[0] == 1


def test_an_engine_that_starts_in_the_middle_goes_on() -> None:
    till = Till()
    till.sell(supply=1)
    till.add("wang")
    for number in range(OFFERS_PER_TURN_MAX + 10):
        till.join(f"v{number}")
    till.restock(OFFERS_PER_TURN_MAX + 10)
    till.counter = Counter(till.counter.books)
    till.wait(0)
    assert till.in_line() == []


def test_leaving_from_the_middle_and_the_front_keeps_the_order() -> None:
    line = Line()
    for viewer in "abcdef":
        line.join(viewer, 1)
    line.leave("c")
    assert (line.next, line.ahead_of(4)) == (1, 3), "at most"
    line.leave("a")
    line.leave("b")
    assert line.next == 4
    assert [place.viewer for place in line] == ["d", "e", "f"]
    line.end()
    assert (line.next, line.joined, list(line)) == (0, 6, [])
