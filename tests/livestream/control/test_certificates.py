"""Certificates over HTTP: the buyer's, the desk's, the public check and the published keys."""

from typing import Any

import msgspec
import pytest
from redis import asyncio as aioredis

from livestream.certificates import Certificate, CertificateKeys
from livestream.clock import now_ms
from livestream.config import Settings
from livestream.tickets import Ticket, issue_ticket
from tests.livestream.control.desks import SECRET, Desk, assert_problem, host_token
from tests.livestream.control.shoppers import shoppers_of
from tests.livestream.control.test_orders import order_when
from tests.livestream.test_certificates import checked_by_a_stranger

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos",
    "supply": 20,
    "price_minor": 5_150_000,
    "currency": "CNY",
    "numbered": True,
    "guarantee_days": 730,
}
DAY_MS = 86_400_000

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
def settings(redis_url: str, tmp_path: Any) -> Settings:
    """Settings with keys of their own."""
    return Settings(redis_url=redis_url, secret=SECRET, var_dir=tmp_path, lease_ms=1_000)


def ticket(viewer: str, room: str) -> str:
    return issue_ticket(SECRET, Ticket(viewer, room, "tmall", viewer, now_ms() + 60_000))


async def bought(desk: Desk, redis: aioredis.Redis, room: str, viewer: str = "v1") -> str:
    """A paid order of the numbered drop."""
    async with shoppers_of(redis, room) as shoppers:
        order_id = await shoppers.order(viewer, "santos")
        await shoppers.pay(viewer, order_id)
        await order_when(desk, room, order_id, "paid")
    return order_id


async def test_a_buyer_gets_a_certificate_that_anybody_can_check(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    order_id = await bought(desk, redis, room)
    path = f"/watch/{room}/orders/{order_id}/certificates"
    mine = await desk.as_(ticket("v1", room)).call("GET", path)
    assert mine.status == 200
    (issued,) = mine.body["certificates"]
    assert (issued["number"], issued["of"], issued["title"]) == (1, 20, "Santos")
    assert issued["guarantee_until_ms"] == issued["issued_at_ms"] + 730 * DAY_MS
    (at_desk,) = (await desk.get(f"/rooms/{room}/orders/{order_id}/certificates")).body[
        "certificates"
    ]
    assert at_desk == issued
    order = (await desk.get(f"/rooms/{room}/orders/{order_id}")).body
    assert order["editions"] == [{"drop_id": "d1", "sku": "santos", "numbers": [1], "of": 20}]

    stranger = desk.as_(None)
    published = await stranger.call("GET", "/.well-known/jwks.json")
    assert published.content_type == "application/jwk-set+json"
    claims = checked_by_a_stranger(issued["certificate"], published.body)
    assert (claims["number"], claims["of"], claims["order"]) == (1, 20, order_id)
    said = await stranger.post("/certificates/check", {"certificate": issued["certificate"]})
    assert said.body == {
        "status": "valid",
        "room": room,
        "drop_id": "d1",
        "sku": "santos",
        "title": "Santos",
        "number": 1,
        "of": 20,
        "order_id": order_id,
        "issued_at_ms": issued["issued_at_ms"],
        "guarantee_until_ms": issued["guarantee_until_ms"],
    }


async def test_a_refund_revokes_it_and_the_number_gets_another(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    order_id = await bought(desk, redis, room)
    path = f"/rooms/{room}/orders/{order_id}/certificates"
    old = (await desk.get(path)).body["certificates"][0]["certificate"]
    await desk.post(f"/rooms/{room}/orders/{order_id}/refund")
    assert (await desk.get(path)).body["certificates"] == []
    next_id = await bought(desk, redis, room, "v2")
    (new,) = (await desk.get(f"/rooms/{room}/orders/{next_id}/certificates")).body["certificates"]
    assert new["number"] == 1
    assert new["certificate"] != old
    statuses = [
        (await desk.as_(None).post("/certificates/check", {"certificate": one})).body["status"]
        for one in (old, new["certificate"])
    ]
    assert statuses == ["revoked", "valid"]


async def test_an_order_that_waits_or_has_no_numbers_has_no_certificates(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS, {**TERMS, "drop_id": "d2", "sku": "ring"} | PLAIN)
    async with shoppers_of(redis, room) as shoppers:
        waiting = await shoppers.order("v1", "santos")
        plain = await shoppers.order("v2", "ring")
        await shoppers.pay("v2", plain)
        await order_when(desk, room, plain, "paid")
    for order_id in (waiting, plain):
        answered = await desk.get(f"/rooms/{room}/orders/{order_id}/certificates")
        assert answered.body == {"order_id": order_id, "certificates": []}


PLAIN = {"numbered": False, "guarantee_days": 0}


async def test_nobody_gets_anothers_certificates(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    order_id = await bought(desk, redis, room)
    path = f"/watch/{room}/orders/{order_id}/certificates"
    for bearer, status, code in (
        (None, 401, "forbidden"),
        ("no ticket", 401, "forbidden"),
        (ticket("v1", "another-room"), 401, "forbidden"),
        (host_token(), 401, "forbidden"),
        (ticket("v2", room), 404, "not_found"),
    ):
        assert_problem(await desk.as_(bearer).call("GET", path), status, code)
    at_desk = f"/api/v1/rooms/{room}/orders/{order_id}/certificates"
    assert_problem(await desk.as_(ticket("v1", room)).call("GET", at_desk), 401, "forbidden")
    assert_problem(await desk.get(f"/rooms/{room}/orders/o99/certificates"), 404, "not_found")


async def test_what_nobody_signed_is_not_genuine(desk: Desk) -> None:
    said = await desk.as_(None).post("/certificates/check", {"certificate": "a.b.c"})
    assert said.body == {"status": "not_genuine", "reason": "none of our keys signed it as it is"}
    for body in ({}, {"certificate": ""}, {"certificate": "e" * 5_000}, {"certificate": 5}):
        assert_problem(await desk.post("/certificates/check", body), 422, "invalid")


async def test_a_certificate_of_a_room_that_is_gone_is_genuine_and_unlisted(
    desk: Desk, redis: aioredis.Redis, room: str, settings: Settings
) -> None:
    await desk.opened_room(room, TERMS)
    order_id = await bought(desk, redis, room)
    path = f"/rooms/{room}/orders/{order_id}/certificates"
    issued = (await desk.get(path)).body["certificates"][0]["certificate"]
    ours = CertificateKeys.parse((settings.var_dir / "certificate-keys.json").read_text())
    certificate = ours.read(issued)
    assert isinstance(certificate, Certificate)
    for changed in ({"room": "long-ago"}, {"drop": "d9"}):
        gone = ours.sign(msgspec.structs.replace(certificate, **changed))
        said = await desk.post("/certificates/check", {"certificate": gone})
        assert said.body["status"] == "unlisted"
