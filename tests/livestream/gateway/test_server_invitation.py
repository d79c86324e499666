"""Rooms and drops for invited viewers, over real sockets: who is let in, shown out, and sold to."""

from __future__ import annotations

from typing import Any, cast

import pytest
from websockets.exceptions import InvalidStatus

from cart.access import AccessTerms
from cart.rules import RoomRules
from livestream import clock, commands
from livestream.audit import audit_room
from livestream.gateway.session import Session, standing_of
from livestream.views import rules_view
from tests.livestream.gateway.stage import Person, Stage, eventually, shop, terms

INVITED_ONLY = RoomRules(invited_only=True)


async def status_of_a_refusal(stage: Stage, **query: Any) -> int:
    with pytest.raises(InvalidStatus) as refusal:
        await stage.stack.enter_async_context(stage.person(**query))
    return refusal.value.response.status_code


async def set_rules(stage: Stage, rules: RoomRules) -> None:
    """Declared, and heard of at every gateway."""
    await stage.command(commands.RulesSet(rules))
    views = [stage.view(gateway) for gateway in stage.gateways]
    told = rules_view(rules)
    await eventually(lambda: all(view.storefront.rules == told for view in views))


async def guest_of(stage: Stage, viewer: str, **claims: Any) -> Person:
    return await stage.join(viewer, ticket=stage.ticket(viewer, **claims))


async def test_an_invited_room_lets_in_claims_and_its_list(stage: Stage) -> None:
    await stage.command(commands.InvitationPut(["li"]))
    await set_rules(stage, INVITED_ONLY)
    await guest_of(stage, "wang", invited=True)
    li = await stage.join("li")
    assert li.welcome["snapshot"]["rules"]["invited_only"] is True
    assert await status_of_a_refusal(stage, ticket=stage.ticket("mallory")) == 403
    assert await status_of_a_refusal(stage, ticket=stage.ticket("m", tier="gold")) == 403
    assert await status_of_a_refusal(stage) == 403, "a guest has no invitation"
    await set_rules(stage, RoomRules())
    await stage.join(None)


async def test_a_gateway_that_starts_later_knows_who_is_invited(stage: Stage) -> None:
    await stage.command(commands.InvitationPut(["li"]))
    await set_rules(stage, INVITED_ONLY)
    later = await stage.open_gateway()
    await eventually(lambda: stage.view(later).storefront.rules["invited_only"])
    await stage.join("li", later)
    ticket = stage.ticket("mallory")
    assert await status_of_a_refusal(stage, gateway=later, ticket=ticket) == 403


async def test_who_is_not_invited_is_shown_out_when_the_room_becomes_private(
    stage: Stage,
) -> None:
    wang = await guest_of(stage, "wang", invited=True)
    others = [await stage.join(viewer) for viewer in ("anna", "anna", None)]
    await stage.command(commands.RulesSet(INVITED_ONLY))
    for person in others:
        closing = await person.closing()
        assert (closing.code, closing.reason) == (4003, "this room is for invited viewers")
    heard = await wang.frame("room.rules")
    assert heard["rules"] == rules_view(INVITED_ONLY)
    assert await wang.result("like", count=1) == {"count": 1}


async def test_a_withdrawn_invitation_ends_the_visit(stage: Stage) -> None:
    await stage.command(commands.InvitationPut(["li", "wu"]))
    await set_rules(stage, INVITED_ONLY)
    li, wu = await stage.join("li"), await guest_of(stage, "wu", invited=True)
    await stage.command(commands.InvitationWithdraw(["li", "wu"]))
    assert (await li.closing()).code == 4003
    assert await status_of_a_refusal(stage, ticket=stage.ticket("li")) == 403
    assert await wu.result("like", count=1) == {"count": 1}, "the ticket invites as well"
    assert all("invitation" not in frame["type"] for frame in wu.frames), "not for viewers' eyes"


async def test_a_private_drop_in_an_open_room_is_sold_by_claim_list_and_tier(stage: Stage) -> None:
    soon_ms = clock.now_ms() + 600_000
    access = AccessTerms({"gold": clock.now_ms() - 1_000, "silver": soon_ms - 1}, invited_only=True)
    await stage.command(commands.DropSchedule(terms(opens_at_ms=soon_ms, access=access)))
    await stage.command(commands.InvitationPut(["li"], "drop", "gold"))
    anna = await stage.join("anna")
    (drop,) = anna.welcome["snapshot"]["drops"]
    assert drop["access"] == {"tiers": access.tiers, "invited_only": True}
    assert (await anna.error("cart.add", sku="santos"))["code"] == "not_invited"
    gold = await guest_of(stage, "wang", tier="gold", invited=True)
    await shop(gold)
    await shop(await stage.join("li"))
    silver = await guest_of(stage, "zhao", tier="silver", invited=True)
    error = await silver.error("cart.add", sku="santos")
    assert (error["code"], error["retryable"]) == ("not_open", True)
    assert 590_000 < error["retry_after_ms"] < 600_000
    verdict = await audit_room(stage.redis, stage.room)
    assert verdict.findings == []
    line = next(line for line in verdict.rules if line.number == 17)
    assert line.note == "2 holds by invitation or tier"


async def test_the_room_s_limit_counts_all_drops_and_connections(stage: Stage) -> None:
    await stage.open_drop()
    await stage.open_drop(drop_id="second", sku="ring")
    await set_rules(stage, RoomRules(limit_per_viewer=1, one_product_per_order=True))
    anna, on_the_phone = await stage.join("anna"), await stage.join("anna")
    await shop(anna)
    error = await on_the_phone.error("cart.add", sku="ring")
    assert (error["code"], error["retryable"]) == ("limit_reached", False)


async def test_all_of_one_standing_share_it(stage: Stage) -> None:
    people = [await guest_of(stage, f"v{n}", tier="gold", invited=True) for n in range(3)]
    assert len(people) == 3
    sessions = [cast(Session, viewer.state) for viewer in stage.gateways[0].audience]
    shared = {id(session.standing) for session in sessions}
    assert shared == {id(standing_of("viewer", "gold", True))}
