"""A lottery: entries in a window, a draw from a promised seed, units for those who were drawn."""

from hashlib import sha256
from typing import Any

import pytest
from msgspec import structs

from cart.access import AccessTerms
from cart.books import Books
from cart.clock import is_settled
from cart.counter import Counter
from cart.drop import DropStatus
from cart.events import DropOpened, DropScheduled, HoldPlaced, LotteryDrawn, LotteryEntered
from cart.folds import evolve
from cart.lottery import (
    ENTRIES_MAX,
    Entry,
    LotteryTerms,
    commitment_to,
    entry_of,
    flaw_in,
    in_order_of_the_draw,
)
from cart.outcome import ErrorCode
from cart.presale import PresaleTerms
from cart.stock import BrokenBooksError
from tests.cart.till import HOLD_TTL_MS, SANTOS, Till, ok, refusal

HOUR_MS = 3_600_000
SEED = "5eed" * 16
VIEWERS = ["wang", "li", "zhao", "wu", "sun", "qian"]
#: As the seed has it; worked out below without any of our code.
ORDER = sorted(
    VIEWERS, key=lambda name: sha256(bytes.fromhex(SEED) + sha256(name.encode()).digest()).digest()
)


def lottery(till: Till, **terms: Any) -> LotteryTerms:
    """Entries for an hour, an hour from now."""
    at_ms = till.now_ms
    plain = LotteryTerms(at_ms + HOUR_MS, at_ms + 2 * HOUR_MS, commitment_to(SEED))
    return structs.replace(plain, **terms)


@pytest.fixture
def till() -> Till:
    """A lottery for two units, of which entries are taken now."""
    till = Till()
    ok(till.schedule(supply=2, lottery=lottery(till), seed=SEED))
    till.wait(HOUR_MS)
    return till


def drawn(till: Till, viewers: list[str] | None = None) -> Till:
    """After the draw of all of them."""
    for viewer in VIEWERS if viewers is None else viewers:
        ok(till.enter(viewer))
    till.wait(HOUR_MS)
    return till


def offered(till: Till) -> list[str]:
    """Who was offered a unit by the last decision, in order."""
    return [fact.viewer for fact in till.last if isinstance(fact, HoldPlaced)]


# -- the sums ----------------------------------------------------------------------------------


def test_the_commitment_is_the_sha256_of_the_seed() -> None:
    assert commitment_to(SEED) == sha256(bytes.fromhex(SEED)).hexdigest()


def test_an_entry_is_the_sha256_of_the_viewers_id() -> None:
    assert entry_of("小王") == sha256("小王".encode()).hexdigest()


def test_the_order_is_that_of_the_sha256_of_seed_and_entry() -> None:
    assert in_order_of_the_draw(SEED, VIEWERS) == ORDER
    assert in_order_of_the_draw(SEED, reversed(VIEWERS)) == ORDER, "whatever order they entered in"
    assert in_order_of_the_draw("00" * 32, VIEWERS) != ORDER


# -- entering ----------------------------------------------------------------------------------


def test_entries_are_numbered_and_told_as_they_will_be_published(till: Till) -> None:
    assert ok(till.enter("wang")) == {
        "drop_id": SANTOS,
        "sku": SANTOS,
        "number": 1,
        "entry": entry_of("wang"),
        "drawn_at_ms": 1_000_000 + 2 * HOUR_MS,
    }
    assert ok(till.enter("li"))["number"] == 2
    assert till.last == [LotteryEntered(SANTOS, "li", 2)]


def test_who_enters_again_has_entered_once(till: Till) -> None:
    first = ok(till.enter("wang"))
    assert ok(till.enter("wang")) == first
    assert till.last == []


def test_the_cart_tells_of_entries_until_the_draw(till: Till) -> None:
    first = ok(till.enter("wang"))
    assert till.show("wang")["entries"] == [first]
    assert "entries" not in till.show("li")
    till.wait(HOUR_MS)
    assert "entries" not in till.show("wang")


def test_entries_are_taken_in_their_window_only() -> None:
    till = Till()
    ok(till.schedule(lottery=lottery(till), seed=SEED))
    early = till.enter("wang")
    assert refusal(early) is ErrorCode.NOT_OPEN
    assert early.retry_after_ms == HOUR_MS  # type: ignore[union-attr]
    till.wait(2 * HOUR_MS - 1)
    ok(till.enter("wang"))
    till.wait(1)
    assert refusal(till.enter("li")) is ErrorCode.CLOSED
    ok(till.enter("wang"))


def test_an_entry_at_the_very_moment_of_the_draw_is_too_late(till: Till) -> None:
    till.now_ms = 1_000_000 + 2 * HOUR_MS  # and no tick has been since
    assert refusal(till.enter("wang")) is ErrorCode.CLOSED


def test_only_a_lottery_is_entered(till: Till) -> None:
    till.sell("ring")
    assert refusal(till.enter("wang", "ring")) is ErrorCode.CONFLICT
    assert refusal(till.enter("wang", "tank")) is ErrorCode.NOT_FOUND


def test_a_lottery_has_so_many_entries(till: Till) -> None:
    book = till.of().lottery
    assert book is not None
    book.entries.update({f"v{number}": Entry(number) for number in range(1, ENTRIES_MAX + 1)})
    assert refusal(till.enter("one-more")) is ErrorCode.LIMIT_REACHED
    ok(till.enter("v7"))


def test_a_lottery_for_the_invited_is_entered_by_them() -> None:
    till = Till()
    terms = lottery(till, entries_from_ms=0)
    ok(till.schedule(access=AccessTerms(invited_only=True), lottery=terms, seed=SEED, supply=5))
    assert refusal(till.enter("wang")) is ErrorCode.NOT_INVITED
    ok(till.enter("li", invited=True))
    till.invite("zhao", drop_id=SANTOS)
    ok(till.enter("zhao"))
    till.withdraw("zhao", drop_id=SANTOS)
    till.wait(2 * HOUR_MS)
    assert offered(till) == ["li"], "who is no longer invited is passed over"


# -- nothing is sold beside the draw -----------------------------------------------------------


def test_nobody_buys_or_waits_before_the_draw_or_after_it(till: Till) -> None:
    assert refusal(till.add("wang")) is ErrorCode.NOT_OPEN
    assert refusal(till.join("wang")) is ErrorCode.NOT_OPEN
    drawn(till, ["li"])
    assert till.stock() == (1, 1, 0, 0)
    assert refusal(till.add("wang")) is ErrorCode.CLOSED
    assert refusal(till.join("wang")) is ErrorCode.CLOSED
    assert refusal(till.add("li")) is ErrorCode.CLOSED


def test_the_host_cannot_open_it_before_its_draw(till: Till) -> None:
    assert refusal(till.open()) is ErrorCode.CONFLICT
    drawn(till)
    ok(till.pause())
    ok(till.open())


# -- the draw ----------------------------------------------------------------------------------


def test_at_its_time_the_seed_is_told_and_the_first_are_offered_units(till: Till) -> None:
    drawn(till)
    assert till.last[:2] == [LotteryDrawn(SANTOS, SEED, 6), DropOpened(SANTOS, "draw")]
    assert offered(till) == ORDER[:2]
    assert till.status() is DropStatus.ALL_HELD
    assert [place.viewer for place in till.of().line] == ORDER[2:]


def test_everybody_else_knows_the_own_place(till: Till) -> None:
    drawn(till)
    (place,) = till.show(ORDER[3])["waiting"]
    assert (place["number"], place["ahead"]) == (4, 1)


def test_everybody_who_was_drawn_waits_since_the_draw(till: Till) -> None:
    drawn(till)
    drawn_ms = till.now_ms
    till.wait(HOLD_TTL_MS)
    assert {place.since_ms for place in till.of().line} == {drawn_ms}


def test_what_is_not_bought_goes_to_the_next(till: Till) -> None:
    drawn(till)
    till.wait(HOLD_TTL_MS)
    assert offered(till) == ORDER[2:4]


def test_who_was_drawn_buys_as_anybody(till: Till) -> None:
    drawn(till)
    for viewer in ORDER[:2]:
        order_id = str(ok(till.check_out(viewer))["order_id"])
        ok(till.pay(viewer, order_id))
        ok(till.approve(f"{order_id}-p1"))
    assert till.status() is DropStatus.SOLD_OUT
    assert till.in_line() == ORDER[2:], "a unit that comes back is theirs"


def test_a_lottery_nobody_entered_is_drawn_all_the_same(till: Till) -> None:
    drawn(till, [])
    assert till.last == [LotteryDrawn(SANTOS, SEED, 0), DropOpened(SANTOS, "draw")]
    assert till.stock() == (2, 0, 0, 0)


def test_a_lottery_that_is_closed_is_never_drawn(till: Till) -> None:
    ok(till.enter("wang"))
    assert not is_settled(till.counter)
    ok(till.close())
    assert till.wait(HOUR_MS) == []
    assert refusal(till.enter("li")) is ErrorCode.CLOSED
    assert is_settled(till.counter)


def test_a_counter_from_a_snapshot_draws_at_the_same_time(till: Till) -> None:
    ok(till.enter("wang"))
    till.counter = Counter(till.counter.books)
    till.wait(HOUR_MS)
    assert offered(till) == ["wang"]


def test_the_winners_of_a_presale_pay_a_deposit() -> None:
    till = Till()
    at_ms = till.now_ms
    presale = PresaleTerms(1_000, at_ms + 3 * HOUR_MS, at_ms + 4 * HOUR_MS, at_ms + 5 * HOUR_MS)
    terms = lottery(till, entries_from_ms=0)
    ok(till.schedule(supply=1, lottery=terms, seed=SEED, presale=presale))
    drawn(till, ["wang", "li"])
    till.wait(HOUR_MS)
    (winner,) = offered(till)
    assert "presale" in ok(till.check_out(winner))


# -- terms -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "seed", "opens_at_ms", "sentence"),
    [
        ({}, SEED, 2_000_000, "opens by its draw"),
        ({"entries_from_ms": 2, "entries_until_ms": 3}, SEED, None, "has passed"),
        ({"entries_until_ms": 1_000_001}, SEED, None, "before it begins"),
        ({"commitment": commitment_to("00" * 32)}, SEED, None, "not that of a seed"),
        ({"commitment": ""}, SEED, None, "not that of a seed"),
        ({}, "", None, "not that of a seed"),
    ],
)
def test_terms_that_make_no_sense_are_invalid(
    change: dict[str, Any], seed: str, opens_at_ms: int | None, sentence: str
) -> None:
    till = Till()
    terms = lottery(till, **change)
    answer = till.schedule(lottery=terms, seed=seed, opens_at_ms=opens_at_ms)
    assert refusal(answer) is ErrorCode.INVALID
    assert sentence in (flaw_in(terms, seed, opens_at_ms, till.now_ms) or "")
    assert SEED not in str(answer)


def test_a_seed_without_a_lottery_is_invalid() -> None:
    assert refusal(Till().schedule(seed=SEED)) is ErrorCode.INVALID


def test_a_lottery_has_one_supply_for_all() -> None:
    till = Till()
    answer = till.schedule(allocations={"tmall": 1}, lottery=lottery(till), seed=SEED)
    assert refusal(answer) is ErrorCode.INVALID


def test_a_presale_must_outlast_the_draw() -> None:
    till = Till()
    at_ms = till.now_ms
    presale = PresaleTerms(1_000, at_ms + 2 * HOUR_MS, at_ms + 4 * HOUR_MS, at_ms + 5 * HOUR_MS)
    answer = till.schedule(lottery=lottery(till), seed=SEED, presale=presale)
    assert refusal(answer) is ErrorCode.INVALID


def test_tiers_with_times_and_a_lottery_exclude_each_other() -> None:
    till = Till()
    access = AccessTerms(tiers={"gold": till.now_ms})
    answer = till.schedule(access=access, lottery=lottery(till), seed=SEED)
    assert refusal(answer) is ErrorCode.INVALID


# -- the secret --------------------------------------------------------------------------------


def test_nothing_that_is_printed_has_the_seed_before_the_draw(till: Till) -> None:
    ok(till.enter("wang"))
    scheduled = next(fact for fact in till.facts if isinstance(fact, DropScheduled))
    assert scheduled.seed == SEED
    for printed in (scheduled, till.of(), till.of().lottery, till.counter.books, till.facts):
        assert SEED not in repr(printed)
        assert SEED not in str(printed)


def test_a_log_that_cannot_be_folded_does_not_tell_the_seed_either(till: Till) -> None:
    (scheduled,) = [fact for fact in till.facts if isinstance(fact, DropScheduled)]
    bare = DropScheduled(till.of("santos").terms, scheduled.seed)
    broken = Counter(Books())
    evolve(broken, bare, 1)
    with pytest.raises(BrokenBooksError) as caught:
        evolve(broken, LotteryDrawn(SANTOS, "00" * 32, 0), 2)
    assert SEED not in str(caught.value)
