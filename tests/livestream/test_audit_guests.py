"""The auditor and who may buy: an honest evening by invitation is clean, a lie about it is not."""

from collections.abc import Callable

import pytest
from msgspec import structs

from cart import events
from cart.access import AccessTerms
from cart.rules import RoomRules
from livestream import commands
from livestream.audit import INVARIANTS, audit_log
from tests.livestream.stage import SANTOS, START_MS, Log, Stage, ok
from tests.livestream.test_audit import Forge, change, place_of, record, take_out, with_facts

MINUTE_MS = 60_000
OPENS_AT_MS = START_MS + 10 * MINUTE_MS
TIERS = {"gold": OPENS_AT_MS - 2 * MINUTE_MS, "silver": OPENS_AT_MS - MINUTE_MS}
BY_INVITATION = INVARIANTS["only_the_invited_buy"]


def evening() -> Stage:
    """santos: tiers and invited only, opened by the clock; ring: for all whom the room lets in."""
    stage = Stage()
    stage.claims = {"wang": ("gold", True), "li": ("silver", True), "zhao": ("", True)}
    stage.begin()
    ok(stage.schedule(supply=9, opens_at_ms=OPENS_AT_MS, access=AccessTerms(TIERS, True)))
    ok(stage.desk(commands.InvitationPut(["sun"], tier="gold")))
    ok(stage.desk(commands.InvitationPut(["wu"], SANTOS)))
    stage.wait(8 * MINUTE_MS)
    stage.buy("wang")  # o1
    stage.buy("sun")  # o2, by the list
    stage.wait(MINUTE_MS)
    stage.buy("li")  # o3
    stage.wait(MINUTE_MS)
    stage.buy("zhao")  # o4
    stage.buy("wu")  # o5, by the drop's list
    ok(stage.desk(commands.RulesSet(RoomRules(invited_only=True))))
    stage.sell("ring")
    stage.buy("sun", "ring")  # o6
    ok(stage.desk(commands.InvitationWithdraw(["sun"])))
    ok(stage.desk(commands.RulesSet(RoomRules())))
    stage.buy("anybody", "ring")  # o7
    return stage


HONEST = evening().log


def earlier(number: int, ms: int) -> Forge:
    """The record of the `number`-th hold, and so all of time up to there, comes earlier."""

    def forge(log: Log) -> Log:
        r, _ = place_of(log, events.HoldPlaced, number)
        at_ms = log[r][1].at_ms - ms
        for index in range(r + 1):
            if log[index][1].at_ms > at_ms:
                log = record(index, at_ms=at_ms)(log)
        return log

    return forge


def other_terms(**fields: object) -> Forge:
    def forge(log: Log) -> Log:
        r, f = place_of(log, events.DropScheduled)
        facts = list(log[r][1].facts)
        scheduled = facts[f]
        assert isinstance(scheduled, events.DropScheduled)
        facts[f] = events.DropScheduled(structs.replace(scheduled.terms, **fields))
        return with_facts(log, r, list(facts))

    return forge


def test_an_honest_evening_by_invitation_is_clean() -> None:
    verdict = audit_log(HONEST, "evening")
    assert verdict.findings == []
    line = next(line for line in verdict.rules if line.number == 17)
    assert line.note == "6 holds by invitation or tier"


@pytest.mark.parametrize(
    "forge",
    [
        change(events.HoldPlaced, 0, invited=False),
        change(events.HoldPlaced, 0, viewer="mallory", invited=False),
        take_out(events.InvitationPut, 0),
        take_out(events.InvitationPut, 1),
        take_out(events.RulesSet, 1),
        earlier(2, 1),
        earlier(3, 1),
        change(events.HoldPlaced, 2, tier="bronze"),
        change(events.InvitationPut, 0, tier="silver"),
        other_terms(opens_at_ms=None),
        change(events.InvitationWithdrawn, 0, viewers=["mallory"]),
    ],
    ids=[
        "no claim",
        "somebody else",
        "not on the room's list",
        "not on the drop's list",
        "the room was still for others",
        "silver too early",
        "everybody too early",
        "a tier without a time",
        "a later tier",
        "no time for everybody",
        "withdrawn from nobody",
    ],
)
def test_a_lie_about_who_may_buy_is_found(forge: Callable[[Log], Log]) -> None:
    findings = BY_INVITATION(forge(HONEST))
    assert findings
