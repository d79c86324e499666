"""Hypothesis plays with who is invited: lists, claims of tickets, rules of the room, tiers and
their times, a host who opens early. Beside the counter stands the door as the words of the house
have it: who comes, and from when.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from msgspec import Struct

from cart import invitation
from cart.access import AccessTerms
from cart.drop import DropStatus
from cart.outcome import ErrorCode, Refusal
from tests.cart.till import Till, ok
from tests.properties import assert_finds_what_is_planted, stories

VIEWERS = st.sampled_from(["wang", "li", "zhao"])
TIERS = st.sampled_from(["", "gold", "silver", "unknown"])
DROPS = st.sampled_from(["early", "private", "circle"])
LISTS = st.none() | DROPS
MINUTE_MS = 60_000


class Door(Struct):
    """When whose time to buy a drop comes, and whether it is for invited viewers."""

    everybody_ms: int | None
    tiers: dict[str, int]
    invited_only: bool
    by_hand: bool = False


class InvitationMachine(RuleBasedStateMachine):
    """Three drops: one with tiers before all others, one for invited viewers, one for a circle."""

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        self.room_is_invited_only = False
        #: list -> viewer -> tier.
        self.lists: dict[str | None, dict[str, str]] = {}
        self.doors: dict[str, Door] = {}

    @initialize()
    def begin(self) -> None:
        now_ms = self.till.now_ms
        gold_ms, silver_ms, all_ms = (now_ms + n * MINUTE_MS for n in (1, 2, 3))
        self.doors = {
            "early": Door(all_ms, {"gold": gold_ms, "silver": silver_ms}, invited_only=False),
            "private": Door(None, {}, invited_only=True),
            "circle": Door(None, {"gold": gold_ms}, invited_only=True),
        }
        for drop_id, door in self.doors.items():
            access = AccessTerms(door.tiers, door.invited_only)
            opens_at_ms = door.everybody_ms
            terms = {"supply": 1_000, "limit": 16, "access": access, "opens_at_ms": opens_at_ms}
            ok(self.till.schedule(drop_id, **terms))  # type: ignore[arg-type]

    # -- the host ------------------------------------------------------------------------------

    @rule(of=LISTS, viewers=st.lists(VIEWERS, min_size=1, max_size=2), tier=TIERS)
    def invite(self, of: str | None, viewers: list[str], tier: str) -> None:
        ok(self.till.invite(*viewers, drop_id=of, tier=tier))
        self.lists.setdefault(of, {}).update(dict.fromkeys(viewers, tier))

    @rule(of=LISTS, viewer=VIEWERS)
    def withdraw(self, of: str | None, viewer: str) -> None:
        ok(self.till.withdraw(viewer, drop_id=of))
        self.lists.get(of, {}).pop(viewer, None)

    @rule(invited_only=st.booleans())
    def declare_rules(self, invited_only: bool) -> None:
        ok(self.till.rules(invited_only=invited_only))
        self.room_is_invited_only = invited_only

    @rule(drop_id=DROPS)
    def open(self, drop_id: str) -> None:
        self.doors[drop_id].by_hand |= self.till.status(drop_id) is DropStatus.SCHEDULED
        ok(self.till.open(drop_id))

    @rule(ms=st.sampled_from([0, 1, MINUTE_MS - 1, MINUTE_MS]))
    def wait(self, ms: int) -> None:
        self.till.wait(ms)

    # -- who comes -----------------------------------------------------------------------------

    @rule(viewer=VIEWERS, drop_id=DROPS, tier=TIERS, invited=st.booleans())
    def come(self, viewer: str, drop_id: str, tier: str, invited: bool) -> None:
        """With a ticket that says so, and gets what the house's words say; then puts it back."""
        answer = self.till.add(viewer, drop_id, tier=tier, invited=invited)
        got = answer.code if isinstance(answer, Refusal) else None
        assert got == self.by_the_words(viewer, drop_id, tier, invited)
        if got is None:
            ok(self.till.remove(viewer, drop_id))

    def by_the_words(self, viewer: str, drop_id: str, tier: str, invited: bool) -> ErrorCode | None:
        door, now_ms = self.doors[drop_id], self.till.now_ms
        of_room, of_drop = (self.lists.get(of, {}) for of in (None, drop_id))
        is_guest = invited or viewer in of_room
        if self.room_is_invited_only and not is_guest:
            return ErrorCode.NOT_INVITED
        if door.invited_only and not (is_guest or viewer in of_drop):
            return ErrorCode.NOT_INVITED
        mine = {tier, of_room.get(viewer, ""), of_drop.get(viewer, "")}
        times = [door.tiers[name] for name in mine if name in door.tiers]
        times += [] if door.everybody_ms is None else [door.everybody_ms]
        declared = [*door.tiers.values(), *times]
        if declared and not times:
            return ErrorCode.NOT_INVITED
        own_ms = min(times, default=None)
        is_open = door.by_hand or (bool(declared) and min(declared) <= now_ms)
        if own_ms is None or (door.by_hand and own_ms == min(declared)):
            return None if is_open else ErrorCode.NOT_OPEN
        return None if own_ms <= now_ms else ErrorCode.NOT_OPEN


PLAY = stories(examples=60, steps=40)


def test_whoever_comes_gets_what_the_house_has_said() -> None:
    run_state_machine_as_test(InvitationMachine, settings=PLAY)


# -- the same machine must find what is planted ------------------------------------------------


def everybody_is_invited(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(invitation, "refusal", lambda *_: None)


def the_lists_are_one(patch: pytest.MonkeyPatch) -> None:
    honest = invitation._on_list
    patch.setattr(invitation, "_on_list", lambda books, _, viewer: honest(books, "", viewer))


def the_latest_tier_counts(patch: pytest.MonkeyPatch) -> None:
    honest = AccessTerms.opens_for_ms

    def latest(terms: AccessTerms, opens_at_ms: int | None, tiers: tuple[str, ...]) -> int | None:
        times = [honest(terms, opens_at_ms, [tier]) for tier in tiers if tier in terms.tiers]
        told = [at_ms for at_ms in times if at_ms is not None]
        return max(told) if told else honest(terms, opens_at_ms, tiers)

    patch.setattr(AccessTerms, "opens_for_ms", latest)


@pytest.mark.parametrize("plant", [everybody_is_invited, the_lists_are_one, the_latest_tier_counts])
def test_the_machine_finds_a_planted_fault(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert_finds_what_is_planted(InvitationMachine, PLAY)
