"""Drafts: prepared by the host, known to nobody else."""

from typing import Any

import pytest

from cart import drafts
from cart.bounds import DRAFTS_MAX
from cart.drop import DropTerms
from cart.lottery import LotteryTerms, commitment_to
from cart.outcome import ErrorCode
from cart.price import FlashPrice
from tests.cart.till import PRICE_MINOR, SANTOS, Answer, Till, ok, refusal

SEED = "5e" * 32


@pytest.fixture
def till() -> Till:
    return Till()


def draft(till: Till, drop_id: str = SANTOS, **terms: Any) -> Answer:
    given = DropTerms(drop_id, drop_id, drop_id.title(), 3, PRICE_MINOR, "CNY", **terms)
    return till.settle(drafts.put(till.counter, given))


def schedule(till: Till, drop_id: str = SANTOS) -> Answer:
    return till.settle(drafts.schedule_draft(till.counter, drop_id, SEED, till.now_ms))


def discard(till: Till, drop_id: str = SANTOS) -> Answer:
    return till.settle(drafts.discard(till.counter, drop_id))


def test_a_draft_puts_nothing_on_the_books(till: Till) -> None:
    assert ok(draft(till)) == {"drop_id": SANTOS, "status": "draft"}
    assert till.names() == ["drop.drafted"]
    assert not till.counter.books.drops
    assert refusal(till.add("wang")) is ErrorCode.NOT_FOUND
    assert refusal(till.open()) is ErrorCode.NOT_FOUND


def test_a_draft_is_put_again_with_other_terms(till: Till) -> None:
    draft(till)
    ok(draft(till))
    assert till.last == []
    ok(draft(till, limit_per_viewer=2))
    assert till.counter.books.drafts[SANTOS].limit_per_viewer == 2


def test_a_draft_is_scheduled_as_it_stands(till: Till) -> None:
    draft(till, limit_per_viewer=2)
    assert ok(schedule(till))["status"] == "scheduled"
    assert till.names() == ["drop.scheduled"]
    assert till.of().terms.limit_per_viewer == 2
    assert till.counter.books.drafts == {}
    till.open()
    ok(till.add("wang", quantity=2))


def test_scheduling_it_again_changes_nothing(till: Till) -> None:
    draft(till)
    schedule(till)
    assert ok(schedule(till))["status"] == "scheduled"
    assert till.last == []


def test_what_is_wrong_with_it_is_told_when_it_is_scheduled(till: Till) -> None:
    ok(draft(till, flash=[FlashPrice(2, 1, 1)]))
    assert refusal(schedule(till)) is ErrorCode.INVALID
    assert SANTOS in till.counter.books.drafts, "it may be mended"


def test_a_lottery_promises_the_seed_that_comes_when_it_is_scheduled(till: Till) -> None:
    draft(till, lottery=LotteryTerms(till.now_ms, till.now_ms + 60_000))
    ok(schedule(till))
    terms = till.of().terms.lottery
    assert terms is not None
    assert terms.commitment == commitment_to(SEED)
    ok(schedule(till))
    assert till.last == []


def test_a_lottery_that_promised_another_seed_is_not_scheduled(till: Till) -> None:
    promised = commitment_to("77" * 32)
    draft(till, lottery=LotteryTerms(till.now_ms, till.now_ms + 60_000, promised))
    assert refusal(schedule(till)) is ErrorCode.INVALID


def test_what_is_not_there_cannot_be_scheduled(till: Till) -> None:
    assert refusal(schedule(till)) is ErrorCode.NOT_FOUND


def test_a_scheduled_drop_is_no_draft_again(till: Till) -> None:
    till.schedule()
    assert refusal(draft(till)) is ErrorCode.CONFLICT


def test_scheduling_with_other_terms_ends_the_draft(till: Till) -> None:
    draft(till, limit_per_viewer=2)
    ok(till.schedule(limit=1))
    assert till.counter.books.drafts == {}
    assert till.of().terms.limit_per_viewer == 1


def test_a_draft_is_discarded(till: Till) -> None:
    draft(till)
    assert ok(discard(till)) == {"drop_id": SANTOS}
    assert till.names() == ["draft.discarded"]
    ok(discard(till))
    assert till.last == []
    assert refusal(schedule(till)) is ErrorCode.NOT_FOUND


def test_a_room_has_so_many_drafts_and_no_more(till: Till) -> None:
    for number in range(DRAFTS_MAX):
        ok(draft(till, f"d{number}"))
    assert refusal(draft(till, "one-more")) is ErrorCode.LIMIT_REACHED
    ok(draft(till, "d0", limit_per_viewer=2))
