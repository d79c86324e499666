"""Rules and invitations through the API, against a real engine."""

from typing import Any

import pytest

from livestream.clock import now_ms
from livestream.control.views import INVITATIONS_PER_PAGE_MAX
from livestream.tickets import Ticket, read_ticket
from tests.livestream.control.desks import SECRET, Desk, assert_problem, host_token

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "WSSA0018",
    "title": "Santos de Cartier",
    "supply": 288,
    "price_minor": 5_150_000,
    "currency": "CNY",
    "opens_at_ms": 4_000_000_000_000,
}
NO_RULES: dict[str, Any] = {
    "invited_only": False,
    "limit_per_viewer": None,
    "one_product_per_order": False,
    "perks": [],
}

pytestmark = pytest.mark.usefixtures("engine")


async def test_rules_are_set_whole_and_shown(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    view = (await desk.get(f"/rooms/{room}")).body["storefront"]
    assert (view["rules"], view["invited"]) == (NO_RULES, 0)
    answered = await desk.put(f"/rooms/{room}/rules", {"limit_per_viewer": 2})
    assert (answered.status, answered.body["rules"]["limit_per_viewer"]) == (200, 2)
    await desk.put(f"/rooms/{room}/rules", {"invited_only": True})
    told = (await desk.get(f"/rooms/{room}/rules")).body["rules"]
    assert (told["invited_only"], told["limit_per_viewer"], told["perks"]) == (True, None, [])
    view = (await desk.get(f"/rooms/{room}")).body["storefront"]
    assert view["rules"] == {**NO_RULES, "invited_only": True}


@pytest.mark.parametrize(
    "body",
    [
        {"limit_per_viewer": 0},
        {"limit_per_viewer": "2"},
        {"invited": True},
        {"rules": {}},
        [],
    ],
)
async def test_rules_out_of_bounds_are_invalid(desk: Desk, room: str, body: Any) -> None:
    await desk.opened_room(room)
    assert_problem(await desk.put(f"/rooms/{room}/rules", body), 422, "invalid")


async def test_viewers_are_invited_listed_and_withdrawn(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    await desk.post(f"/rooms/{room}/drops", TERMS)
    path = f"/rooms/{room}/invitations"
    put = await desk.post(path, {"viewers": ["li", "wu", "an"], "tier": "gold"})
    assert (put.status, put.body) == (200, {"drop_id": None, "invited": 3})
    put = await desk.post(path, {"viewers": ["zhao"], "drop_id": "d1"})
    assert put.body == {"drop_id": "d1", "invited": 1}
    gone = await desk.post(f"{path}/withdraw", {"viewers": ["wu"]})
    assert gone.body == {"drop_id": None, "invited": 2}
    assert (await desk.get(f"/rooms/{room}")).body["storefront"]["invited"] == 2
    first = (await desk.get(f"{path}?limit=1")).body
    assert first["invitations"] == [{"viewer": "an", "drop_id": None, "tier": "gold"}]
    second = (await desk.get(f"{path}?limit=1&after={first['next']}")).body
    assert [line["viewer"] for line in second["invitations"]] == ["li"]
    assert second["next"] is None
    of_drop = (await desk.get(f"{path}?drop_id=d1")).body
    assert of_drop["invitations"] == [{"viewer": "zhao", "drop_id": "d1", "tier": ""}]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"viewers": []}, 422, "invalid"),
        ({"viewers": ["a b"]}, 422, "invalid"),
        ({"viewers": ["v"] * 1_001}, 422, "invalid"),
        ({"viewers": ["v"], "tier": "GOLD"}, 422, "invalid"),
        ({"viewers": ["v"], "drop_id": "nothing"}, 404, "not_found"),
    ],
)
async def test_a_list_that_cannot_be_is_refused(
    desk: Desk, room: str, body: Any, status: int, code: str
) -> None:
    await desk.opened_room(room)
    assert_problem(await desk.post(f"/rooms/{room}/invitations", body), status, code)
    assert (await desk.get(f"/rooms/{room}/invitations")).body["invitations"] == []


async def test_a_page_of_invitations_is_bounded(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    path = f"/rooms/{room}/invitations?limit={INVITATIONS_PER_PAGE_MAX + 1}"
    assert_problem(await desk.get(path), 422, "invalid")


async def test_only_a_host_invites(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    moderator = desk.as_(host_token("moderator"))
    for method, path in (("PUT", "rules"), ("POST", "invitations")):
        asked = await moderator.call(method, f"/api/v1/rooms/{room}/{path}", {"viewers": ["v"]})
        assert_problem(asked, 403, "forbidden")
    assert (await moderator.get(f"/rooms/{room}/invitations")).status == 200


@pytest.mark.parametrize(
    "access",
    [
        {},
        {"tiers": {"gold": 4_000_000_000_000}},
        {"tiers": {"GOLD": 1}},
        {"tiers": {"gold": -1}},
        {"tiers": {f"tier-{n}": n for n in range(9)}},
        {"invited_only": True, "until": 1},
    ],
)
async def test_access_that_makes_no_sense_is_invalid(
    desk: Desk, room: str, access: dict[str, Any]
) -> None:
    await desk.opened_room(room)
    answered = await desk.post(f"/rooms/{room}/drops", {**TERMS, "access": access})
    assert_problem(answered, 422, "invalid")


async def test_a_drop_tells_who_may_buy_when(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    access = {"tiers": {"gold": 3_999_999_999_999}, "invited_only": True}
    assert (await desk.post(f"/rooms/{room}/drops", {**TERMS, "access": access})).status == 201
    (drop,) = (await desk.get(f"/rooms/{room}")).body["storefront"]["drops"]
    assert drop["access"] == access


async def test_a_ticket_carries_tier_and_invitation(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    asked = {"viewer": "v1", "channel": "tmall", "name": "Mei", "tier": "gold", "invited": True}
    answered = await desk.post(f"/rooms/{room}/tickets", asked)
    assert (answered.body["tier"], answered.body["invited"]) == ("gold", True)
    ticket = read_ticket(SECRET, answered.body["ticket"], room, now_ms())
    assert isinstance(ticket, Ticket)
    assert (ticket.tier, ticket.invited) == ("gold", True)
    wrong = await desk.post(f"/rooms/{room}/tickets", {**asked, "tier": "Gold"})
    assert_problem(wrong, 422, "invalid")
