"""Lotteries over HTTP: a promise, a secret that is kept, a draw that anybody can check."""

import asyncio
import re
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.clock import now_ms
from livestream.messages import LotteryEnter
from tests.livestream.control.desks import Desk, assert_problem
from tests.livestream.control.shoppers import Shoppers, shoppers_of

SEED = "5eed" * 16
COMMITMENT = sha256(bytes.fromhex(SEED)).hexdigest()
VIEWERS = ["wang", "li", "zhao", "wu", "sun"]
DOCS = Path(__file__).parents[3] / "docs/counter.md"

pytestmark = pytest.mark.usefixtures("engine")


def terms(until_ms: int, **more: Any) -> dict[str, Any]:
    """A lottery for two units, entered from now on."""
    return {
        "drop_id": "d1",
        "sku": "santos",
        "title": "Santos",
        "supply": 2,
        "price_minor": 5_150_000,
        "currency": "CNY",
        "lottery": {"entries_from_ms": 0, "entries_until_ms": until_ms},
        **more,
    }


async def scheduled(desk: Desk, room: str, body: dict[str, Any]) -> dict[str, Any]:
    await desk.opened_room(room)
    answered = await desk.post(f"/rooms/{room}/drops", body)
    assert answered.status == 201, answered
    return dict(answered.body)


async def enter(shoppers: Shoppers, viewers: list[str]) -> None:
    for viewer in viewers:
        await shoppers.ask(viewer, "tmall", LotteryEnter(id=f"{viewer}-e", sku="santos"))


async def drawn(desk: Desk, room: str) -> dict[str, Any]:
    """The draw, once it is made."""
    stranger = desk.as_(None)
    for _ in range(200):
        draw = (await stranger.get(f"/rooms/{room}/drops/d1/draw")).body
        if draw["seed"] is not None:
            return dict(draw)
        await asyncio.sleep(0.05)
    raise AssertionError(f"not drawn: {draw}")


async def test_the_house_draws_a_seed_and_a_repeat_does_not_draw_another(
    desk: Desk, room: str
) -> None:
    body = terms(now_ms() + 60_000)
    first = await scheduled(desk, room, body)
    assert re.fullmatch("[0-9a-f]{64}", first["commitment"])
    again = await desk.post(f"/rooms/{room}/drops", body)
    assert (again.status, again.body) == (201, first)
    other = await desk.post(f"/rooms/{room}/drops", body | {"supply": 3})
    assert_problem(other, 409, "conflict")
    mine = await desk.post(f"/rooms/{room}/drops", body | {"seed": SEED})
    assert_problem(mine, 409, "conflict")


async def test_a_seed_that_is_not_the_promised_one_is_invalid(desk: Desk, room: str) -> None:
    body = terms(now_ms() + 60_000, seed="00" * 32)
    body["lottery"]["commitment"] = COMMITMENT
    await desk.opened_room(room)
    for wrong in (body, {**body, "seed": "lucky"}, {**body, "seed": ""}):
        answered = await desk.post(f"/rooms/{room}/drops", wrong)
        assert_problem(answered, 422, "invalid")
        assert "lucky" not in str(answered.body)
        assert "00" * 32 not in str(answered.body)


async def test_what_is_no_lottery_has_no_draw(desk: Desk, room: str) -> None:
    plain = terms(0)
    del plain["lottery"]
    await desk.opened_room(room, plain)
    stranger = desk.as_(None)
    assert_problem(await stranger.get(f"/rooms/{room}/drops/d1/draw"), 404, "not_found")
    assert_problem(await stranger.get(f"/rooms/{room}/drops/d2/draw"), 404, "not_found")


async def everything_told(desk: Desk, redis: aioredis.Redis, room: str) -> str:
    """All that the API, the desk's feed and what gateways read say of the room."""
    told = []
    for path in (
        *("", "/ledger", "/orders", "/report", "/report.csv", "/report.html"),
        *("/drops/d1/draw", "/invitations", "/coupons"),
    ):
        async with aiohttp.ClientSession() as http:
            headers = {"Authorization": f"Bearer {desk.token}"}
            async with http.get(f"{desk.base}/api/v1/rooms/{room}{path}", headers=headers) as got:
                told.append(await got.text())
    async with desk.feed(room) as feed:
        told.append(str(await feed.receive_json(timeout=5)))
    kept = await redis.mget(keys.storefront(room), keys.ledger(room))
    return f"{told} {kept} {await redis.xrange(keys.air(room))}"


async def test_the_seed_is_nowhere_before_the_draw_and_everywhere_after_it(
    desk: Desk, redis: aioredis.Redis, room: str, capfd: pytest.CaptureFixture[str]
) -> None:
    await desk.opened_room(room)
    answer = await scheduled(desk, room, terms(now_ms() + 2_500, seed=SEED))
    assert answer == {"drop_id": "d1", "status": "scheduled", "commitment": COMMITMENT}
    async with shoppers_of(redis, room) as shoppers:
        await enter(shoppers, VIEWERS)
        await desk.post(f"/rooms/{room}/drops/d1/open")
        told = await everything_told(desk, redis, room)
        assert COMMITMENT in told
        assert SEED not in told
        out, err = capfd.readouterr()
        assert SEED not in out + err
        await drawn(desk, room)
    assert SEED in await everything_told(desk, redis, room)


async def test_anybody_can_check_a_draw_with_the_ten_lines_of_the_page(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room)  # so that the window is for entering
    await scheduled(desk, room, terms(now_ms() + 2_000))
    async with shoppers_of(redis, room) as shoppers:
        await enter(shoppers, VIEWERS)
        draw = await drawn(desk, room)
    assert draw["entered"] == len(VIEWERS)
    assert [one["number"] for one in draw["entries"]] == [1, 2, 3, 4, 5]
    assert [one["entry"] for one in draw["entries"]] == [
        sha256(viewer.encode()).hexdigest() for viewer in VIEWERS
    ]
    recipe = re.search(r"## Lottery.*?```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert recipe is not None
    assert len([line for line in recipe[1].splitlines() if line]) == 10
    address = f"{desk.base}/api/v1/rooms/{room}/drops/d1/draw"
    assert await run(recipe[1], address) == (0, "5 entries, drawn as promised\n")
    crooked = recipe[1].replace('draw["commitment"]', '"another"')
    assert (await run(crooked, address))[0] == 1


async def run(program: str, address: str) -> tuple[int | None, str]:
    """The program's exit status and what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, out.decode()


async def test_a_draw_is_told_in_pages(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await desk.opened_room(room)  # so that the window is for entering
    await scheduled(desk, room, terms(now_ms() + 2_000))
    async with shoppers_of(redis, room) as shoppers:
        await enter(shoppers, VIEWERS)
        whole = await drawn(desk, room)
    pages = []
    for after in (0, 2, 4, 6):
        page = await desk.get(f"/rooms/{room}/drops/d1/draw?after={after}&limit=2")
        pages += page.body["entries"]
    assert pages == whole["entries"]
    for wrong in ("limit=0", "limit=10001", "after=-1", "after=x"):
        answered = await desk.get(f"/rooms/{room}/drops/d1/draw?{wrong}")
        assert_problem(answered, 422, "invalid")
