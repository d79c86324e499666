"""Who may buy and from when: invitations, tiers and their times."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart.access import AccessTerms
from cart.drop import DropStatus
from cart.events import HoldPlaced
from cart.invitation import INVITED_MAX
from cart.outcome import ErrorCode, Refusal
from tests.cart.till import SANTOS, Answer, Till, ok, refusal
from tests.properties import PROPERTY

MINUTE_MS = 60_000


@pytest.fixture
def till() -> Till:
    return Till()


def early(till: Till, *, invited_only: bool = False, **minutes: int) -> AccessTerms:
    """Tiers by how many minutes from now each may buy."""
    times = {tier: till.now_ms + after * MINUTE_MS for tier, after in minutes.items()}
    return AccessTerms(times, invited_only)


def in_minutes(till: Till, minutes: int) -> int:
    return till.now_ms + minutes * MINUTE_MS


def retry_after_ms(answer: Answer) -> int:
    assert isinstance(answer, Refusal)
    assert answer.code is ErrorCode.NOT_OPEN
    return answer.retry_after_ms


# -- terms -------------------------------------------------------------------------------------


def test_access_that_lets_everybody_in_is_no_access(till: Till) -> None:
    assert refusal(till.schedule(access=AccessTerms())) is ErrorCode.INVALID


def test_a_tier_that_is_no_earlier_than_everybody_is_no_tier(till: Till) -> None:
    access = early(till, gold=1, silver=2)
    answer = till.schedule(opens_at_ms=in_minutes(till, 2), access=access)
    assert refusal(answer) is ErrorCode.INVALID
    assert isinstance(answer, Refusal)
    assert "silver" in answer.message


# -- tiers and their times ---------------------------------------------------------------------


def test_a_drop_opens_at_the_time_of_its_earliest_tier(till: Till) -> None:
    access = early(till, silver=2, gold=1)
    ok(till.schedule(opens_at_ms=in_minutes(till, 3), access=access))
    assert till.wait(MINUTE_MS - 1) == []
    till.wait(1)
    assert till.names() == ["drop.opened"]


def test_each_tier_buys_from_its_own_time_on(till: Till) -> None:
    access = early(till, gold=1, silver=2)
    ok(till.schedule(supply=9, opens_at_ms=in_minutes(till, 3), access=access))
    assert retry_after_ms(till.add("wang", tier="gold")) == MINUTE_MS
    till.wait(MINUTE_MS)
    ok(till.add("wang", tier="gold"))
    assert retry_after_ms(till.add("li", tier="silver")) == MINUTE_MS
    assert retry_after_ms(till.add("zhao")) == 2 * MINUTE_MS
    assert retry_after_ms(till.add("sun", tier="bronze")) == 2 * MINUTE_MS
    till.wait(MINUTE_MS)
    ok(till.add("li", tier="silver"))
    assert retry_after_ms(till.add("zhao")) == MINUTE_MS
    till.wait(MINUTE_MS)
    ok(till.add("zhao"))
    ok(till.add("sun", tier="bronze"))


def test_without_a_time_for_all_only_the_tiers_have_a_way_in(till: Till) -> None:
    ok(till.schedule(access=early(till, gold=1)))
    assert refusal(till.add("zhao")) is ErrorCode.NOT_INVITED
    assert refusal(till.add("sun", invited=True)) is ErrorCode.NOT_INVITED
    till.wait(MINUTE_MS)
    assert refusal(till.add("zhao", tier="silver")) is ErrorCode.NOT_INVITED
    ok(till.add("wang", tier="gold"))


def test_a_drop_opened_by_hand_is_open_for_those_who_come_first(till: Till) -> None:
    ok(till.schedule(opens_at_ms=in_minutes(till, 3), access=early(till, gold=1, silver=2)))
    ok(till.open())
    ok(till.add("wang", tier="gold"))
    assert retry_after_ms(till.add("li", tier="silver")) == 2 * MINUTE_MS
    assert retry_after_ms(till.add("zhao")) == 3 * MINUTE_MS


def test_an_invited_drop_without_times_opens_by_hand_for_all_who_are_invited(till: Till) -> None:
    ok(till.schedule(access=AccessTerms(invited_only=True)))
    assert refusal(till.add("wang", invited=True)) is ErrorCode.NOT_OPEN
    ok(till.open())
    ok(till.add("wang", invited=True))


def test_of_several_tiers_the_earliest_counts(till: Till) -> None:
    ok(till.schedule(opens_at_ms=in_minutes(till, 9), access=early(till, gold=1, silver=2, jade=3)))
    ok(till.invite("wang", tier="silver"))
    ok(till.invite("wang", drop_id=SANTOS, tier="gold"))
    till.wait(MINUTE_MS)
    ok(till.add("wang", tier="jade"))


def test_who_comes_too_early_for_what_is_sold_out_is_told_that_it_is(till: Till) -> None:
    ok(till.schedule(supply=1, opens_at_ms=in_minutes(till, 3), access=early(till, gold=0)))
    till.wait(0)
    order_id = str(ok(till.add("wang", tier="gold")) and ok(till.check_out("wang"))["order_id"])
    ok(till.pay("wang", order_id))
    ok(till.approve(f"{order_id}-p1"))
    assert till.status() is DropStatus.SOLD_OUT
    assert refusal(till.add("zhao")) is ErrorCode.SOLD_OUT


def test_a_paused_drop_is_paused_for_its_tiers_too(till: Till) -> None:
    ok(till.schedule(opens_at_ms=in_minutes(till, 3), access=early(till, gold=0)))
    till.wait(0)
    ok(till.pause())
    assert retry_after_ms(till.add("wang", tier="gold")) == 0
    ok(till.open())
    ok(till.add("wang", tier="gold"))


def test_the_same_command_again_gets_the_hold_whatever_was_withdrawn(till: Till) -> None:
    till.sell(access=AccessTerms(invited_only=True))
    ok(till.invite("wang", drop_id=SANTOS))
    first = ok(till.add("wang", command_id="add-1"))
    ok(till.withdraw("wang", drop_id=SANTOS))
    assert ok(till.add("wang", command_id="add-1")) == first


# -- invitations -------------------------------------------------------------------------------


def test_an_invited_drop_is_for_claims_and_both_lists(till: Till) -> None:
    till.sell(supply=9, access=AccessTerms(invited_only=True))
    ok(till.invite("li"))
    ok(till.invite("wu", drop_id=SANTOS))
    assert refusal(till.add("zhao")) is ErrorCode.NOT_INVITED
    assert refusal(till.add("sun", tier="gold")) is ErrorCode.NOT_INVITED
    ok(till.add("wang", invited=True))
    ok(till.add("li"))
    ok(till.add("wu"))


def test_the_list_of_one_drop_is_for_that_drop(till: Till) -> None:
    till.sell(access=AccessTerms(invited_only=True))
    till.sell("ring", access=AccessTerms(invited_only=True))
    ok(till.invite("wu", drop_id="ring"))
    assert refusal(till.add("wu")) is ErrorCode.NOT_INVITED
    ok(till.add("wu", "ring"))


def test_an_invited_room_sells_to_its_own_guests_only(till: Till) -> None:
    till.sell(supply=9)
    ok(till.invite("wu", drop_id=SANTOS))
    ok(till.add("zhao"))
    ok(till.rules(invited_only=True))
    assert refusal(till.add("sun")) is ErrorCode.NOT_INVITED
    assert refusal(till.add("wu")) is ErrorCode.NOT_INVITED, "a drop's list opens no room"
    ok(till.add("wang", invited=True))
    ok(till.check_out("zhao"))  # what was held before stands
    ok(till.rules())
    ok(till.add("sun"))


def test_a_withdrawn_invitation_takes_nothing_back(till: Till) -> None:
    till.sell(limit=2, access=AccessTerms(invited_only=True))
    ok(till.invite("li"))
    ok(till.add("li"))
    assert ok(till.withdraw("li", "nobody")) == {"drop_id": None, "invited": 0}
    assert refusal(till.add("li")) is ErrorCode.NOT_INVITED
    ok(till.check_out("li"))


def test_the_log_says_what_the_ticket_claimed_where_it_mattered(till: Till) -> None:
    till.sell("ring")
    till.sell(access=AccessTerms(invited_only=True))
    ok(till.add("wang", "ring", tier="gold", invited=True))
    ok(till.add("wang", tier="gold", invited=True))
    claims = [(f.tier, f.invited) for f in till.facts if isinstance(f, HoldPlaced)]
    assert claims == [("", False), ("gold", True)]


def test_inviting_again_changes_nothing_but_a_new_tier_does(till: Till) -> None:
    assert ok(till.invite("li", "wu", "li")) == {"drop_id": None, "invited": 2}
    assert ok(till.invite("li")) == {"drop_id": None, "invited": 2}
    assert till.last == []
    assert ok(till.invite("li", "wu", tier="gold")) == {"drop_id": None, "invited": 2}
    assert till.counter.books.invited == {"": {"li": "gold", "wu": "gold"}}
    ok(till.withdraw("nobody"))
    assert till.last == []


def test_the_same_rules_again_change_nothing(till: Till) -> None:
    assert ok(till.rules(limit_per_viewer=2))["rules"]["limit_per_viewer"] == 2
    ok(till.rules(limit_per_viewer=2))
    assert till.last == []


def test_invitations_are_bounded_over_all_lists(till: Till) -> None:
    till.sell()
    ok(till.invite(*(f"v{n}" for n in range(INVITED_MAX - 1))))
    ok(till.invite("v0", "li", drop_id=None))
    assert refusal(till.invite("wu", drop_id=SANTOS)) is ErrorCode.LIMIT_REACHED
    ok(till.invite("li", tier="gold"))  # is on it already
    ok(till.withdraw("v1"))
    ok(till.invite("wu", drop_id=SANTOS))


def test_nobody_is_invited_to_what_is_not_there_or_over(till: Till) -> None:
    assert refusal(till.invite("wu", drop_id=SANTOS)) is ErrorCode.NOT_FOUND
    till.sell()
    ok(till.invite("wu", drop_id=SANTOS))
    ok(till.close())
    assert till.counter.books.invited == {}, "a closed drop's list makes room"
    assert refusal(till.invite("wu", drop_id=SANTOS)) is ErrorCode.CONFLICT


# -- any access, any viewer ----------------------------------------------------------------------

TIERS = ("", "gold", "silver", "jade")
MINUTES = st.integers(1, 6)


@PROPERTY
@given(
    general=st.none() | st.just(7),
    tiers=st.dictionaries(st.sampled_from(TIERS[1:]), MINUTES, max_size=3),
    invited_only=st.booleans(),
    room_invited_only=st.booleans(),
    claim=st.tuples(st.sampled_from(TIERS), st.booleans()),
    of_room=st.none() | st.sampled_from(TIERS),
    of_drop=st.none() | st.sampled_from(TIERS),
    by_hand_after=st.none() | st.integers(0, 7),
)
def test_a_viewer_may_buy_from_one_moment_on_and_is_told_when(
    general: int | None,
    tiers: dict[str, int],
    invited_only: bool,
    room_invited_only: bool,
    claim: tuple[str, bool],
    of_room: str | None,
    of_drop: str | None,
    by_hand_after: int | None,
) -> None:
    """Asked at every half minute: never, then from some moment on always; and every `not_open` that
    names a time names that very moment, unless the host opens the drop before it.
    """
    if not tiers and not invited_only:
        return
    till = Till()
    ok(till.rules(invited_only=room_invited_only))
    access = early(till, invited_only=invited_only, **tiers)
    opens_at_ms = None if general is None else in_minutes(till, general)
    ok(till.schedule(supply=1_000, limit=100, opens_at_ms=opens_at_ms, access=access))
    if of_room is not None:
        ok(till.invite("li", tier=of_room))
    if of_drop is not None:
        ok(till.invite("li", drop_id=SANTOS, tier=of_drop))
    came, told, started_ms = [], [], till.now_ms
    for half_minutes in range(18):
        if by_hand_after is not None and half_minutes == 2 * by_hand_after + 1:
            ok(till.open())
        answer = till.add("li", tier=claim[0], invited=claim[1])
        if not isinstance(answer, Refusal):
            ok(till.remove("li"))
        elif answer.code is ErrorCode.NOT_OPEN and answer.retry_after_ms:
            told.append(till.now_ms + answer.retry_after_ms)
        came.append(None if isinstance(answer, Refusal) else till.now_ms - started_ms)
        till.wait(MINUTE_MS // 2)

    # The definition, once more and in other words.
    room_guest = claim[1] or of_room is not None
    is_invited = room_guest if room_invited_only else True
    if invited_only:
        is_invited = is_invited and (room_guest or of_drop is not None)
    mine = [tiers[t] for t in (claim[0], of_room, of_drop) if t in tiers]
    every = [*tiers.values(), *([] if general is None else [general])]
    mine += [] if general is None else [general]
    if not tiers and general is None:
        mine = [0]
    if not is_invited or not mine:
        assert came == [None] * 18
        assert told == []
        return
    from_ms = min(mine) * MINUTE_MS
    first_ms = min(every) * MINUTE_MS if every else None
    by_hand_ms = None if by_hand_after is None else by_hand_after * MINUTE_MS + MINUTE_MS // 2
    if from_ms == first_ms and by_hand_ms is not None:
        from_ms = min(from_ms, by_hand_ms)
    if first_ms is None:
        if by_hand_ms is None:
            assert came == [None] * 18
            return
        from_ms = by_hand_ms
    expected = [half * MINUTE_MS // 2 for half in range(18)]
    assert came == [at if at >= from_ms else None for at in expected]
    assert all(a == b for a, b in pairwise(told)), "one time, told the same whenever asked"
    if told:
        assert told[0] - started_ms == min(mine) * MINUTE_MS
