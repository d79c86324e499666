"""Tickets from the desk, and for walk-ins where they are allowed."""

import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.clock import now_ms
from livestream.tickets import Ticket, issue_ticket, read_ticket
from tests.livestream.control.desks import SECRET, Desk, assert_problem, host_token


@pytest.fixture
async def room(room: str, redis: aioredis.Redis) -> str:
    await redis.sadd(keys.ROOMS, room)
    return room


async def test_a_ticket_says_what_was_asked_for(desk: Desk, room: str) -> None:
    asked = {"viewer": "v1", "channel": "tmall", "name": "Mei", "ttl_ms": 60_000}
    answered = await desk.post(f"/rooms/{room}/tickets", asked)
    assert answered.status == 201
    assert answered.body["gateway_url"] == f"ws://127.0.0.1:8081/live/{room}"
    ticket = read_ticket(SECRET, answered.body["ticket"], room, now_ms())
    assert ticket == Ticket("v1", room, "tmall", "Mei", answered.body["expires_at_ms"])
    assert 0 < ticket.expires_at_ms - now_ms() <= 60_000


async def test_only_a_host_issues_tickets(desk: Desk, room: str) -> None:
    asked = {"viewer": "v1", "channel": "tmall", "name": "Mei"}
    answered = await desk.as_(host_token("moderator")).post(f"/rooms/{room}/tickets", asked)
    assert_problem(answered, 403, "forbidden")


async def test_nobody_walks_in_where_it_is_not_allowed(desk: Desk, room: str) -> None:
    answered = await desk.as_(None).post(f"/rooms/{room}/walk-in")
    assert_problem(answered, 403, "forbidden")


async def test_a_walk_in_gets_a_ticket_of_its_own(walk_in_desk: Desk, room: str) -> None:
    stranger = walk_in_desk.as_(None)
    one = (await stranger.post(f"/rooms/{room}/walk-in")).body
    two = (await stranger.post(f"/rooms/{room}/walk-in", {"name": "Mei"})).body
    assert one["viewer"] != two["viewer"]
    assert two["name"] == "Mei"
    ticket = read_ticket(SECRET, one["ticket"], room, now_ms())
    assert isinstance(ticket, Ticket)
    assert (ticket.viewer, ticket.channel) == (one["viewer"], "walk-in")


async def test_who_shows_a_good_ticket_stays_who_they_are(
    walk_in_desk: Desk, desk: Desk, room: str
) -> None:
    stranger = walk_in_desk.as_(None)
    first = (await stranger.post(f"/rooms/{room}/walk-in")).body
    again = (await stranger.post(f"/rooms/{room}/walk-in", {"ticket": first["ticket"]})).body
    assert again == first
    merchants = issue_ticket(SECRET, Ticket("v1", room, "tmall", "Mei", now_ms() + 60_000, "gold"))
    kept = await desk.as_(None).post(f"/rooms/{room}/walk-in", {"ticket": merchants})
    assert (kept.status, kept.body["viewer"], kept.body["tier"]) == (201, "v1", "gold")


async def test_a_ticket_that_is_not_good_is_no_ticket(
    walk_in_desk: Desk, desk: Desk, room: str
) -> None:
    past, soon = now_ms() - 1_000, now_ms() + 60_000
    for bad in (
        "nonsense",
        issue_ticket(SECRET, Ticket("v1", room, "tmall", "Mei", past)),
        issue_ticket(SECRET, Ticket("v1", "elsewhere", "tmall", "Mei", soon)),
        issue_ticket(f"not {SECRET}", Ticket("v1", room, "tmall", "Mei", soon)),
    ):
        refused = await desk.as_(None).post(f"/rooms/{room}/walk-in", {"ticket": bad})
        assert_problem(refused, 403, "forbidden")
        fresh = await walk_in_desk.as_(None).post(f"/rooms/{room}/walk-in", {"ticket": bad})
        assert (fresh.status, fresh.body["channel"]) == (201, "walk-in")
        assert fresh.body["viewer"] != "v1"


async def test_a_walk_in_does_not_choose_its_channel(walk_in_desk: Desk, room: str) -> None:
    answered = await walk_in_desk.as_(None).post(f"/rooms/{room}/walk-in", {"channel": "tmall"})
    assert_problem(answered, 422, "invalid")


async def test_the_watch_page_learns_where_to_connect_and_who_moves_the_money(
    walk_in_desk: Desk, room: str
) -> None:
    answered = await walk_in_desk.as_(None).call("GET", f"/watch/{room}/config.json")
    assert answered.body == {
        "room": room,
        "gateway_url": f"ws://127.0.0.1:8081/live/{room}",
        "walk_in": True,
        "payments": "sandbox",
    }
