"""A real Prometheus watches a show being sold: every query of the dashboards and every rule works,
and what they say of money, stock and orders is what the log says.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from cart.books import Books
from cart.money import MINOR_DIGITS
from cart.order import OrderStatus
from livestream.commands import OrderRefund
from livestream.embedded_redis import EmbeddedRedis
from tests.integration.api import Api
from tests.integration.books import Log
from tests.integration.house import House, Served
from tests.integration.line import Line
from tests.integration.prometheus import BINARY, PROMTOOL, Prometheus, QueryError, Sample
from tests.integration.shoppers import Shopper
from tests.integration.world import CHANNELS, World
from tests.metrics.dashboards import RULES, Query, alerts, queries
from tests.processes import within

if BINARY is None or PROMTOOL is None:
    pytest.skip("prometheus is not here: no dashboard is put to it", allow_module_level=True)

SHOPPERS = 24
BAGS, BAG_MINOR = 10, 2_880_001
BOXES, BOX_YEN = 50, 350_000
ROOM = "evening"
TEN_MINUTES_MS = 600_000
EVALUATED_EVERY_S = 1
SETTLES_WITHIN_S = 30.0

#: Queries that a good evening leaves without an answer, and why.
SILENT = {
    ("engine_room", "What is wrong", "A"): "nothing is",
    ("engine_room", "Pushed by the payment provider", "A"): "the sandbox is asked, nobody pushes",
    ("engine_room", "Events to the merchant: attempts", "B"): "no merchant is told",
}


class Evening(NamedTuple):
    """A show that was sold while Prometheus looked on. `answers` are those of the moment when it
    had seen everything, `books` the log's of the same moment; the show is still on.
    """

    house: House | Served
    prometheus: Prometheus
    answers: dict[Query, list[Sample]]
    books: Books

    def shown(self, dashboard: str, panel: str, ref: str = "A") -> list[Sample]:
        """What a panel shows."""
        (query,) = [query for query in self.answers if query[:3] == (dashboard, panel, ref)]
        return self.answers[query]

    def shows(self, dashboard: str, panel: str, ref: str = "A") -> float:
        """The one number that a panel shows."""
        (sample,) = self.shown(dashboard, panel, ref)
        return sample.value

    def shows_by(
        self, dashboard: str, panel: str, *labels: str, ref: str = "A"
    ) -> dict[tuple[str, ...], float]:
        """The numbers that a panel shows, by these labels."""
        samples = self.shown(dashboard, panel, ref)
        by = {tuple(s.labels[label] for label in labels): s.value for s in samples}
        assert len(by) == len(samples), "a number is shown twice"
        return by

    def takings(self, field: str) -> Tally[tuple[str, str]]:
        """(currency, channel) -> minor units, as the log has them."""
        sums: Tally[tuple[str, str]] = Tally()
        for currency, by_sku in self.books.takings.items():
            for by_channel in by_sku.values():
                for channel, row in by_channel.items():
                    sums[currency, channel] += getattr(row, field)
        return sums


@pytest.fixture(
    scope="module", params=[pytest.param("one machine", marks=pytest.mark.long), "many machines"]
)
def evening(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[Evening]:
    directory = Path(tempfile.mkdtemp(prefix="livestream-test-"))
    settled = _one_machine if request.param == "one machine" else _many_machines
    try:
        with settled(directory) as house:
            rules = directory / RULES.name
            rules.write_text(
                RULES.read_text().replace("interval: 5s", f"interval: {EVALUATED_EVERY_S}s")
            )
            prometheus = Prometheus(directory, rules, house.targets())
            try:
                asyncio.run(_sell(house, ROOM, random.Random(pytestconfig.option.seed)))
                yield _when_settled(house, prometheus)
            finally:
                prometheus.close()
    finally:
        shutil.rmtree(directory)


@contextmanager
def _one_machine(directory: Path) -> Iterator[Served]:
    with closing(Served(directory, snapshot_every_events=1)) as served:
        yield served


@contextmanager
def _many_machines(directory: Path) -> Iterator[House]:
    """Two of each role, as on six machines."""
    with (
        EmbeddedRedis(directory / "redis") as redis,
        closing(House(redis.url, directory)) as house,
    ):
        for _ in range(2):
            house.start_standby(snapshot_every_events=1)
            house.start_control()
            house.start_gateway()
        yield house


def _when_settled(house: House | Served, prometheus: Prometheus) -> Evening:
    """When Prometheus has seen the last of the log and everybody gone, and evaluated the rules
    since.
    """
    deadline = time.monotonic() + SETTLES_WITHIN_S
    while True:
        state = asyncio.run(_read(house)).room.state
        facts = prometheus.ask(f'min(livestream_log_seq{{room="{ROOM}"}})') or [Sample({}, 0)]
        here = prometheus.ask(f'livestream_viewers{{room="{ROOM}"}} > 0')
        time.sleep(2 * EVALUATED_EVERY_S)
        answers = {query: prometheus.ask(query.for_room(ROOM)) for query in queries()}
        silent = [str(query) for query in answers if not (answers[query] or query[:3] in SILENT)]
        if facts[0].value == state.seq and not here and not silent:
            return Evening(house, prometheus, answers, state.books)
        assert time.monotonic() < deadline, (facts, state.seq, here, *silent)


async def _read(house: House | Served) -> Log:
    world = World(house, ROOM)
    try:
        return await Log.read(world.redis, ROOM)
    finally:
        await world.close()


async def _sell(house: House | Served, room: str, rng: random.Random) -> None:
    """Bags sell out in three channels and some boxes are left; one hold runs out, one stays, one
    order waits for its payment, one is given back; one talks, and one has no ticket.
    """
    world = World(house, room)
    try:
        async with world.desk() as desk, AsyncExitStack() as crowd, Api(house) as api:
            lines = [
                world.line(f"v{n}", random.Random(rng.random()), CHANNELS[n % len(CHANNELS)])
                for n in range(SHOPPERS)
            ]
            for line in lines:
                await crowd.enter_async_context(line)
            assert await lines[0].hears(
                lambda: any(p["viewers"] == SHOPPERS for p in lines[0].pulses), 10
            ), "gateways count once a second"
            perks = [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 5}]
            await desk.opens_drop("bag", BAGS, BAG_MINOR, hold_ttl_ms=1_000, perks=perks)
            waits = {"hold_ttl_ms": TEN_MINUTES_MS, "pay_ttl_ms": TEN_MINUTES_MS}
            await desk.opens_drop(
                "box", BOXES, BOX_YEN, currency="JPY", limit_per_viewer=2, **waits
            )
            shoppers = [Shopper(line, "", rng) for line in lines[2:]]
            # Before the rush, in which every bag may be in somebody's cart.
            assert (await lines[0].ask("cart.add", sku="bag", quantity=1))["ok"]
            async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
                tasks.create_task(_forgets(lines[0]))
                tasks.create_task(_hesitate(lines[1]))
                for number, shopper in enumerate(shoppers):
                    tasks.create_task(shopper.wants("bag" if number % 4 else "box"))
            told = lines[0].story
            assert await lines[0].hears(lambda: any(f["type"] == "drop.sold_out" for f in told), 10)
            late = await lines[0].ask("cart.add", sku="bag", quantity=1)
            assert late["error"]["code"] == "sold_out", late
            bought = next(order_id for shopper in shoppers for order_id in shopper.told_paid)
            await desk.asks(OrderRefund(bought, restock=False))
            with pytest.raises(InvalidStatus, match="401"):
                await connect(f"{house.gateway_urls()[0]}/live/{room}?ticket=none")
            await api.gets(f"/rooms/{room}/ledger")
    finally:
        await world.close()


async def _forgets(line: Line) -> None:
    """Leave what is in the cart until its time runs out."""
    assert await line.hears(lambda: any(f["type"] == "hold.expired" for f in line.private), 10)


async def _hesitate(line: Line) -> None:
    """Talk, order a box and do not pay; put another into the cart."""
    assert (await line.ask("chat.send", text="so beautiful"))["ok"]
    assert (await line.ask("like", count=3))["ok"]
    assert (await line.ask("cart.add", sku="box", quantity=1))["ok"]
    assert (await line.ask("checkout", checkout_id="later"))["ok"]
    assert (await line.ask("cart.add", sku="box", quantity=1))["ok"]
    assert await line.hears(lambda: bool(line.chat and line.pulses), 5)


# -- the tests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["control", "gateway"])
def test_promtool_finds_nothing_to_say_about_a_scrape(evening: Evening, role: str) -> None:
    gateway_url = evening.house.gateway_urls()[0].replace("ws://", "http://")
    url = evening.house.control_url if role == "control" else gateway_url
    assert within(10, lambda: bool(_scrape(url))), "the first scrape of a gateway is being made"
    assert PROMTOOL is not None
    check = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=_scrape(url), capture_output=True, timeout=30
    )
    assert (check.returncode, check.stdout + check.stderr) == (0, b"")


def _scrape(url: str) -> bytes:
    """What a scraper gets, nothing when it is told to come again."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
            text: bytes = response.read()
            return text
    except urllib.error.HTTPError as refused:
        refused.close()
        return b""


def test_every_query_of_every_dashboard_has_an_answer(evening: Evening) -> None:
    silent = {query[:3] for query, answer in evening.answers.items() if not answer}
    assert silent == SILENT.keys()


def test_what_has_not_happened_is_zero_so_that_its_first_time_is_seen(evening: Evening) -> None:
    for series in (
        'livestream_handshakes_total{status="503"}',
        'livestream_leaves_total{code="4008"}',
        'livestream_redis_errors_total{role="engine",kind="timeout"}',
        'livestream_messages_received_total{type="cart.add",result="busy"}',
        'livestream_command_seconds_count{command="checkout",result="unanswered"}',
    ):
        assert {sample.value for sample in evening.prometheus.ask(series)} == {0}, series


def test_a_query_that_is_not_valid_would_be_noticed(evening: Evening) -> None:
    with pytest.raises(QueryError, match="parse error"):
        evening.prometheus.ask("sum by (livestream_viewers")


def test_the_takings_are_those_of_the_log_to_the_fen(evening: Evening) -> None:
    gross, refunded = evening.takings("gross_minor"), evening.takings("refunded_minor")
    assert {currency for currency, _ in gross} == {"CNY", "JPY"}
    assert {channel for _, channel in gross} == set(CHANNELS)
    assert refunded.total() > 0
    panel = ("counter", "Takings in minor units", "currency", "channel")
    assert evening.shows_by(*panel, ref="A") == gross
    assert evening.shows_by(*panel, ref="B") == refunded


def test_the_gmv_is_that_of_the_log_in_yuan_and_yen(evening: Evening) -> None:
    gross = evening.takings("gross_minor")
    units: dict[str, int] = {code: 10**digits for code, digits in MINOR_DIGITS.items()}
    yuan = {key: minor / units[key[0]] for key, minor in gross.items()}
    for dashboard in ("event", "counter"):
        assert evening.shows_by(dashboard, "GMV by channel", "currency", "channel") == yuan
    by_currency = evening.shows_by("event", "GMV", "currency")
    for (currency,), shown in by_currency.items():
        assert shown == pytest.approx(sum(yuan[key] for key in yuan if key[0] == currency))
    assert evening.shows_by("event", "GMV in the last minute", "currency") == by_currency


def test_the_orders_are_those_of_the_log(evening: Evening) -> None:
    orders = evening.books.orders.values()
    now = Tally(order.status for order in orders)
    paid = now[OrderStatus.PAID] + now[OrderStatus.REFUNDED]
    assert (now[OrderStatus.REFUNDED], now[OrderStatus.PLACED]) == (1, 1)
    assert evening.shows_by("counter", "Orders", "status") == {
        ("placed",): len(orders),
        ("deposited",): 0,
        ("cancelled",): 0,
        ("paid",): paid,
        ("refunded",): 1,
    }
    assert evening.shows("event", "Orders paid") == evening.shows("counter", "Orders paid") == paid
    assert evening.shows("counter", "Orders placed") == len(orders)
    assert evening.shows("counter", "Orders", ref="B") == now[OrderStatus.EXPIRED]
    assert evening.shows("counter", "Waiting for payment") == 1
    assert evening.shows("counter", "Holds open") == len(evening.books.holds) == 2


def test_the_stock_is_that_of_the_log(evening: Evening) -> None:
    drops = {(drop_id,): drop for drop_id, drop in evening.books.drops.items()}
    assert drops["drop-bag",].stock.available == 0
    columns = {"A": "supplied", "B": "sold", "C": "held", "D": "available"}
    for ref, level in columns.items():
        shown = evening.shows_by("event", "Drops", "drop", ref=ref)
        assert shown == {drop: getattr(d.stock, level) for drop, d in drops.items()}, level
    assert evening.shows_by("event", "Units available", "drop") == shown
    assert evening.shows_by("counter", "Stock", "drop", "state") == {
        (drop, state): getattr(d.stock, state)
        for (drop,), d in drops.items()
        for state in ("available", "held", "sold", "withdrawn")
    }
    perks = {drop: sum(len(perk.ranks) for perk in d.perks.values()) for drop, d in drops.items()}
    assert evening.shows_by("event", "Drops", "drop", ref="E") == perks
    assert evening.shows_by("counter", "Perks awarded, coupons redeemed", "drop") == perks
    assert evening.shows("counter", "Units out of balance") == 0


def test_every_rule_works_and_a_good_evening_wakes_nobody(evening: Evening) -> None:
    loaded = evening.prometheus.rules()
    assert {rule["name"] for rule in loaded} >= {alert["alert"] for alert in alerts()}
    assert [(r["name"], r.get("lastError")) for r in loaded if r["health"] != "ok"] == []
    for alert in alerts():
        evening.prometheus.ask(alert["expr"])
    states = {rule["name"]: rule["state"] for rule in loaded if rule["type"] == "alerting"}
    assert {name for name, state in states.items() if state == "firing"} == set()


def test_the_audience_is_the_one_that_came(evening: Evening) -> None:
    assert evening.shows("event", "Most at once") == SHOPPERS
    assert evening.shows("event", "Different viewers") == pytest.approx(SHOPPERS, abs=1)
    assert evening.shows("event", "Viewers") == evening.shows("audience", "Connected") == 0


def test_every_process_is_found_and_answers(evening: Evening) -> None:
    processes = sum(map(len, evening.house.targets().values()))
    assert evening.shows("engine_room", "Processes that answer") == processes
    roles = {sample.labels["role"] for sample in evening.shown("engine_room", "Versions")}
    assert roles == {"engine", "control", "gateway"}
    assert evening.shows("engine_room", "Rooms owned") == 1


@pytest.mark.long
def test_a_frozen_engine_is_told_in_words_a_tired_person_can_follow(evening: Evening) -> None:
    def stalled() -> dict[str, str] | None:
        for rule in evening.prometheus.rules():
            if rule["name"] == "LivestreamRoomStalled" and rule["state"] == "firing":
                said: dict[str, str] = rule["alerts"][0]["annotations"]
                return said
        return None

    engines = evening.house.engine_pids()
    for engine in engines:
        os.kill(engine, signal.SIGSTOP)
    try:
        assert within(30, lambda: stalled() is not None)
    finally:
        for engine in engines:
            os.kill(engine, signal.SIGCONT)
    said = stalled()
    assert said is not None
    assert said["summary"] == f"Nobody decides for room {ROOM}"
    assert "told its numbers" in said["description"]
    assert "error" not in said["description"]
    assert within(30, lambda: stalled() is None), "it was thawed"
