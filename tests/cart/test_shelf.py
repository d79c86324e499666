"""Allocations: each channel sells from its own shelf until what is left flows together."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cart import consequences
from cart.drop import DropStatus
from cart.events import AllocationsMerged, HoldPlaced, LineLeft
from cart.line import Line
from cart.lottery import LotteryTerms, commitment_to
from cart.order import OrderStatus
from cart.outcome import ErrorCode, Refusal
from cart.shelf import Shelves
from cart.stock import BrokenBooksError, Stock
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, Till, ok, refusal
from tests.properties import assert_finds_what_is_planted, stories

MERGES_IN_MS = 1_000_000
SEED = "5eed" * 16


@pytest.fixture
def till() -> Till:
    """Supply 6: tmall 2, wechat 1, 3 for all others."""
    till = Till()
    till.sell(
        supply=6,
        limit=6,
        allocations={"tmall": 2, "wechat": 1},
        merge_at_ms=till.now_ms + MERGES_IN_MS,
    )
    return till


def merge(till: Till) -> None:
    till.wait(MERGES_IN_MS)
    assert "allocations.merged" in till.names()


def levels(till: Till, shelf: str) -> tuple[int, int, int, int, int]:
    """supplied, available, held, sold, withdrawn."""
    shelves = till.of().shelves
    assert shelves is not None
    stock = shelves.of[shelf]
    return stock.supplied, stock.available, stock.held, stock.sold, stock.withdrawn


def test_a_channel_sells_its_own_units_and_no_others(till: Till) -> None:
    ok(till.add("wang", quantity=2, channel="tmall"))
    assert refusal(till.add("li", channel="tmall")) is ErrorCode.ALL_HELD
    ok(till.add("li", channel="wechat"))
    ok(till.add("zhao", quantity=3, channel="xiaohongshu"))
    assert till.stock() == (0, 6, 0, 0)
    assert till.status() is DropStatus.ALL_HELD


def test_who_has_no_allocation_does_not_get_that_of_others(till: Till) -> None:
    assert refusal(till.add("zhao", quantity=4, channel="walk-in")) is ErrorCode.ALL_HELD
    ok(till.add("zhao", quantity=3, channel="walk-in"))
    assert refusal(till.add("wu", channel="dewu")) is ErrorCode.ALL_HELD
    assert till.status() is DropStatus.OPEN, "others can still buy"


def test_a_shelf_that_is_sold_is_told_to_wait_for_the_merge(till: Till) -> None:
    till.buy("li", channel="wechat")
    answer = till.add("wu", channel="wechat")
    assert refusal(answer) is ErrorCode.ALL_HELD
    assert isinstance(answer, Refusal)
    assert answer.retry_after_ms == MERGES_IN_MS


def test_a_shelf_that_is_sold_and_never_merges_is_sold_out() -> None:
    till = Till()
    till.sell(supply=2, allocations={"tmall": 1})
    ok(till.add("wang", channel="tmall"))
    assert refusal(till.add("li", channel="tmall")) is ErrorCode.ALL_HELD
    till.wait(HOLD_TTL_MS)
    till.buy("li", channel="tmall")
    assert refusal(till.add("wu", channel="tmall")) is ErrorCode.SOLD_OUT
    ok(till.add("wu", channel="wechat"))


def test_a_shelf_is_sold_out_by_itself_also_while_all_of_the_others_is_held() -> None:
    till = Till()
    till.sell(supply=2, allocations={"tmall": 1})
    till.buy("wang", channel="tmall")
    ok(till.add("li", channel="wechat"))
    assert refusal(till.add("wu", channel="tmall")) is ErrorCode.SOLD_OUT
    assert refusal(till.add("wu", channel="wechat")) is ErrorCode.ALL_HELD


@pytest.mark.parametrize("reserve_on", ["checkout", "payment"])
def test_a_wish_for_a_shelf_that_is_sold_out_by_itself_is_told_so(reserve_on: str) -> None:
    till = Till()
    till.sell(supply=2, allocations={"tmall": 1}, reserve_on=reserve_on)
    for viewer in ("wang", "li"):
        ok(till.add(viewer, channel="tmall"))
    late = ok(till.check_out("li", channel="tmall")) if reserve_on == "payment" else None
    till.buy("zhao", channel="tmall")
    assert refusal(till.check_out("wang", channel="tmall")) is ErrorCode.SOLD_OUT
    if late is not None:
        assert refusal(till.pay("li", str(late["order_id"]))) is ErrorCode.SOLD_OUT


def test_what_expires_goes_back_to_its_own_shelf(till: Till) -> None:
    till.add("li", channel="wechat")
    till.place("wang", channel="tmall")
    till.wait(PAY_TTL_MS)
    assert levels(till, "wechat") == (1, 1, 0, 0, 0)
    assert levels(till, "tmall") == (2, 2, 0, 0, 0)


def test_at_its_time_everything_free_is_for_everybody(till: Till) -> None:
    till.buy("wang", channel="tmall")
    merge(till)
    assert levels(till, "tmall") == (1, 0, 0, 1, 0)
    assert levels(till, "") == (5, 5, 0, 0, 0)
    ok(till.add("li", quantity=5, channel="wechat"))
    assert till.stock() == (0, 5, 1, 0)


def test_what_comes_back_after_the_merge_is_for_everybody_too(till: Till) -> None:
    till.wait(MERGES_IN_MS - 1)
    ok(till.add("wang", quantity=2, channel="tmall"))
    till.wait(1)
    assert levels(till, "tmall") == (2, 0, 2, 0, 0)
    till.wait(HOLD_TTL_MS)
    assert levels(till, "tmall") == (0, 0, 0, 0, 0)
    assert levels(till, "") == (6, 6, 0, 0, 0)


def test_what_a_shelf_has_sold_stays_its_own_until_it_is_refunded(till: Till) -> None:
    kept, back = till.buy("wang", channel="tmall"), till.buy("li", channel="tmall")
    merge(till)
    till.refund(back)
    assert levels(till, "tmall") == (1, 0, 0, 1, 0)
    till.refund(kept, restock=False)
    assert levels(till, "tmall") == (1, 0, 0, 0, 1)
    assert levels(till, "") == (5, 5, 0, 0, 0)


def late_order(till: Till, viewer: str, channel: str) -> str:
    """An order whose time ran out while its payment was under way."""
    order_id = till.place(viewer, channel=channel)
    till.pay(viewer, order_id)
    till.wait(PAY_TTL_MS)
    return order_id


def test_late_money_takes_from_its_own_shelf_or_goes_back(till: Till) -> None:
    first = late_order(till, "li", "wechat")
    second = late_order(till, "wu", "wechat")
    till.approve(f"{first}-p1")
    assert levels(till, "wechat") == (1, 0, 0, 1, 0)
    till.approve(f"{second}-p1")
    assert till.names() == ["payment.returned"], "units are free, and not for wechat"


def test_late_money_after_the_merge_takes_a_unit_of_all_and_counts_for_its_channel(
    till: Till,
) -> None:
    order_id = late_order(till, "li", "wechat")
    merge(till)
    till.approve(f"{order_id}-p1")
    assert till.order_status(order_id) is OrderStatus.PAID
    assert levels(till, "wechat") == (1, 0, 0, 1, 0)
    assert levels(till, "") == (5, 5, 0, 0, 0)


def test_a_restock_goes_to_all_or_to_the_channel_that_is_named(till: Till) -> None:
    ok(till.restock(2))
    ok(till.restock(3, channel="wechat"))
    assert levels(till, "") == (5, 5, 0, 0, 0)
    assert levels(till, "wechat") == (4, 4, 0, 0, 0)
    assert refusal(till.restock(1, channel="dewu")) is ErrorCode.CONFLICT
    merge(till)
    assert refusal(till.restock(1, channel="wechat")) is ErrorCode.CONFLICT


def test_closing_withdraws_from_every_shelf_and_nothing_merges_after(till: Till) -> None:
    till.add("wang", channel="tmall")
    till.close()
    assert levels(till, "tmall") == (2, 0, 1, 0, 1)
    till.wait(MERGES_IN_MS)
    assert levels(till, "tmall") == (2, 0, 0, 0, 2)
    assert levels(till, "") == (3, 0, 0, 0, 3)


def test_after_the_merge_there_is_one_line_for_all(till: Till) -> None:
    merge(till)
    ok(till.add("zhao", quantity=6, channel="dewu"))
    assert ok(till.join("wu", channel="wechat"))["number"] == 1
    till.remove("zhao", quantity=1)
    assert len(till.show("wu")["holds"]) == 1


@pytest.mark.parametrize(
    "terms",
    [
        {"allocations": {"tmall": 2, "wechat": 2}, "merge_at_ms": 1},
        {"merge_at_ms": 1},
    ],
)
def test_allocations_that_cannot_be_are_not_scheduled(terms: dict[str, Any]) -> None:
    assert refusal(Till().schedule(supply=3, **terms)) is ErrorCode.INVALID


def test_a_lottery_has_one_supply() -> None:
    till = Till()
    opens_ms = till.now_ms + 1_000
    terms = LotteryTerms(opens_ms, opens_ms + 1_000, commitment_to(SEED))
    ok(till.schedule(supply=3, lottery=terms, seed=SEED))
    answer = till.schedule("ring", supply=3, lottery=terms, seed=SEED, allocations={"tmall": 1})
    assert refusal(answer) is ErrorCode.INVALID


def test_a_whole_supply_may_be_allocated() -> None:
    till = Till()
    till.sell(supply=2, allocations={"tmall": 2})
    assert refusal(till.add("wu", channel="dewu")) is ErrorCode.SOLD_OUT
    ok(till.add("wu", channel="tmall"))


def test_shelves_cannot_be_broken() -> None:
    shelves = Shelves({"": Stock(1, 1), "tmall": Stock(1, 1)})
    with pytest.raises(BrokenBooksError):
        shelves.merge({"tmall": 2})
    with pytest.raises(BrokenBooksError):
        shelves.hold("tmall", 2)
    shelves.merge({"tmall": 1})
    with pytest.raises(BrokenBooksError):
        shelves.merge({})
    with pytest.raises(BrokenBooksError):
        shelves.hold("tmall", 3)


@pytest.mark.parametrize("reserve_on", ["checkout", "payment"])
def test_a_wish_takes_from_its_own_shelf_when_it_is_reserved(reserve_on: str) -> None:
    till = Till()
    till.sell(supply=4, limit=4, allocations={"tmall": 1}, reserve_on=reserve_on)
    for viewer in ("wang", "li"):
        ok(till.add(viewer, channel="tmall"))
    orders = [till.check_out(viewer, channel="tmall") for viewer in ("wang", "li")]
    if reserve_on == "checkout":
        assert refusal(orders[1]) is ErrorCode.ALL_HELD
        ok(till.pay("wang", "o1"))
    else:
        for viewer, order in zip(("wang", "li"), orders, strict=True):
            ok(till.pay(viewer, ok(order)["order_id"]))
    ok(till.approve("o1-p1"))
    if reserve_on == "payment":
        till.approve("o2-p1")
        assert till.names() == ["payment.returned"]
    assert levels(till, "tmall") == (1, 0, 0, 1, 0)
    assert levels(till, "") == (3, 3, 0, 0, 0)


@pytest.mark.parametrize("reserve_on", ["checkout", "payment"])
def test_a_wish_from_before_the_merge_takes_a_unit_of_all_after_it(reserve_on: str) -> None:
    till = Till()
    till.sell(
        supply=2, allocations={"tmall": 1}, reserve_on=reserve_on, merge_at_ms=till.now_ms + 1_000
    )
    ok(till.add("wang", channel="tmall"))
    till.wait(1_000)
    assert till.names() == ["allocations.merged"]
    order_id = ok(till.check_out("wang", channel="tmall"))["order_id"]
    ok(till.pay("wang", order_id))
    ok(till.approve(f"{order_id}-p1"))
    assert levels(till, "tmall") == (1, 0, 0, 1, 0)
    assert levels(till, "") == (1, 1, 0, 0, 0)


# -- any story ---------------------------------------------------------------------------------

CHANNELS = st.sampled_from(["tmall", "wechat", "dewu"])


class ShelfMachine(RuleBasedStateMachine):
    """Buying, expiring, paying late and refunding through every channel, before and after the
    merge. Shelves always add up to the drop, and no channel has ever had more than it may.
    """

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        self.orders: list[str] = []
        self.viewers = 0
        #: Who should be waiting, in the order of joining, and for which shelf.
        self.line: list[str] = []
        self.shelf_of: dict[str, str] = {}
        self.followed = 0

    @initialize(
        tmall=st.integers(1, 3),
        wechat=st.integers(1, 3),
        rest=st.integers(0, 2),
        merges=st.booleans(),
    )
    def begin(self, tmall: int, wechat: int, rest: int, merges: bool) -> None:
        self.till.sell(
            supply=tmall + wechat + rest,
            limit=3,
            allocations={"tmall": tmall, "wechat": wechat},
            merge_at_ms=self.till.now_ms + 700_000 if merges else None,
        )

    def somebody(self) -> str:
        self.viewers += 1
        return f"v{self.viewers}"

    @rule(channel=CHANNELS, quantity=st.integers(1, 2), how=st.sampled_from("hpbl"))
    def shop(self, channel: str, quantity: int, how: str) -> None:
        """Hold, place, buy, or pay late."""
        shelves = self.till.of().shelves
        assert shelves is not None
        free = shelves.free(shelves.of_channel(channel))
        viewer = self.somebody()
        added = self.till.add(viewer, quantity=quantity, channel=channel)
        sells = self.till.status() in (DropStatus.OPEN, DropStatus.ALL_HELD)
        if isinstance(added, Refusal):
            assert quantity > free or not sells
            return
        assert quantity <= free
        if how == "h":
            return
        order_id = str(ok(self.till.check_out(viewer, channel=channel))["order_id"])
        self.orders.append(order_id)
        if how != "p":
            ok(self.till.pay(viewer, order_id))
        if how == "b":
            ok(self.till.approve(f"{order_id}-p1"))

    @rule(channel=CHANNELS, quantity=st.integers(1, 2))
    def join(self, channel: str, quantity: int) -> None:
        viewer = self.somebody()
        shelves = self.till.of().shelves
        assert shelves is not None
        self.shelf_of[viewer] = shelves.of_channel(channel)
        joined = self.till.join(viewer, quantity=quantity, channel=channel)
        if not isinstance(joined, Refusal) and "number" in joined:
            self.line.append(viewer)

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        ok(self.till.leave(data.draw(st.sampled_from(self.line))))

    @rule(data=st.data(), restock=st.booleans(), refund=st.booleans())
    def settle(self, data: st.DataObject, restock: bool, refund: bool) -> None:
        if self.orders:
            order_id = data.draw(st.sampled_from(self.orders))
            if refund:
                self.till.refund(order_id, restock=restock)
            elif self.till.order(order_id).payment_ids:
                self.till.approve(f"{order_id}-p1")

    @rule(ms=st.sampled_from([1_000, HOLD_TTL_MS, PAY_TTL_MS]))
    def wait(self, ms: int) -> None:
        self.till.wait(ms)

    @rule(channel=st.sampled_from(["", "tmall"]))
    def restock(self, channel: str) -> None:
        if self.till.of().stock.supplied < 12:
            self.till.restock(1, channel=channel)

    @rule(close=st.sampled_from([False, False, False, True]))
    def end(self, close: bool) -> None:
        if close:
            self.till.close()

    @invariant()
    def each_shelf_is_served_in_order(self) -> None:
        drop = self.till.counter.books.drops.get(SANTOS)
        if drop is None or drop.shelves is None:
            return
        facts, self.followed = self.till.facts[self.followed :], len(self.till.facts)
        for fact in facts:
            if isinstance(fact, AllocationsMerged):
                self.shelf_of = dict.fromkeys(self.shelf_of, "")
            elif isinstance(fact, LineLeft):
                self.line.remove(fact.viewer)
            elif isinstance(fact, HoldPlaced) and fact.offered:
                waited = [who for who in self.line if self.shelf_of[who] == fact.shelf]
                assert waited[0] == fact.viewer, "served out of turn"
                self.line.remove(fact.viewer)
            elif isinstance(fact, HoldPlaced):
                assert all(self.shelf_of[who] != fact.shelf for who in self.line), "overtaken"
        if drop.status in (DropStatus.SOLD_OUT, DropStatus.CLOSED):
            self.line.clear()
        assert self.till.in_line() == self.line
        if drop.status in (DropStatus.OPEN, DropStatus.ALL_HELD):
            for viewer in self.line:
                assert not drop.shelves.free(self.shelf_of[viewer]), "waits beside a free unit"

    @invariant()
    def the_shelves_add_up(self) -> None:
        drop = self.till.counter.books.drops.get(SANTOS)
        if drop is None or drop.shelves is None:
            return
        stocks = list(drop.shelves.of.values())
        assert all(stock.balanced for stock in stocks)
        for column in ("supplied", "available", "held", "sold", "withdrawn"):
            assert sum(getattr(s, column) for s in stocks) == getattr(drop.stock, column)
        if drop.shelves.merged and drop.status is not DropStatus.CLOSED:
            assert not drop.shelves.to_merge(), "nothing lies about on a channel's shelf"


PLAY = stories(examples=100, steps=40)


def test_no_story_breaks_the_shelves() -> None:
    run_state_machine_as_test(ShelfMachine, settings=PLAY)


# -- the same machine must find what is planted ------------------------------------------------


def the_last_who_waits_for_a_shelf_is_served_first(patch: pytest.MonkeyPatch) -> None:
    honest = Line.of_shelf
    patch.setattr(Line, "of_shelf", lambda line, shelf: reversed([*honest(line, shelf)]))


def whoever_waits_is_served_from_any_shelf(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Line, "of_shelf", lambda line, shelf: iter(line))


def nobody_looks_who_waits_for_a_shelf(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(consequences, "is_somebodys_turn", lambda drop: False)


@pytest.mark.parametrize(
    "plant",
    [
        the_last_who_waits_for_a_shelf_is_served_first,
        whoever_waits_is_served_from_any_shelf,
        nobody_looks_who_waits_for_a_shelf,
    ],
)
def test_the_machine_finds_a_planted_fault(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert_finds_what_is_planted(ShelfMachine, PLAY)
