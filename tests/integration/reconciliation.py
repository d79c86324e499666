"""One show in five accounts: its orders, its books, the payment provider, what a Prometheus has
scraped, and the report. Each is read from where it is kept, and all must say the same, to the fen.

Owns the accounts and the comparison. Refuses to know how the show went.
"""

from __future__ import annotations

from collections import Counter as Tally
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct
from redis import asyncio as aioredis

from cart.books import Books
from cart.order import OrderStatus
from livestream.journal import read_log
from livestream.payments.statement import differences, read_statement
from livestream.room import Room, RoomState, evolve
from tests.integration.programs import run_command
from tests.integration.prometheus import Prometheus

#: Refers to no file: these tests want no alerts.
NO_RULES = Path("none.yml")
#: (currency, channel) -> minor units.
Money = Tally[tuple[str, str]]


class Takings(Struct):
    """Money by currency and channel, and orders by what became of them."""

    gross: Money
    refunded: Money
    orders: dict[str, int]

    def net(self) -> Tally[str]:
        """currency -> minor units."""
        net: Tally[str] = Tally()
        for sign, money in ((1, self.gross), (-1, self.refunded)):
            for (currency, _), minor in money.items():
                net[currency] += sign * minor
        return net


class Scraped(Struct):
    """The last scrape that tells of the room: every number of it, by name and labels, and the seq
    at which its log stood.
    """

    seq: int
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], int]:
        """Values of a family by some of its labels."""
        found = {}
        for (family, pairs), value in self.samples.items():
            if family == name:
                found[tuple(dict(pairs)[label] for label in labels)] = round(value)
        return found

    def one(self, name: str) -> int:
        """The value of a family without labels other than the room's."""
        return self.by(name)[()]


async def fold(redis: aioredis.Redis, room: str, until_seq: int | None = None) -> RoomState:
    """The room as its log tells it, up to a record."""
    state = RoomState(room)
    folding = Room(state)
    async for seq, record in read_log(redis, room):
        if until_seq is not None and seq > until_seq:
            break
        for fact in record.facts:
            evolve(folding, fact, record.at_ms)
    return state


def last_scrape(prometheus: Prometheus, room: str) -> Scraped | None:
    """All that Prometheus has of the room from its last scrape of it, however long ago."""
    seen = prometheus.ask(f'max_over_time(timestamp(livestream_log_seq{{room="{room}"}})[10m:1s])')
    if not seen:
        return None
    at = f"@ {seen[0].value:.3f}"
    samples = {}
    for sample in prometheus.ask(
        f'label_replace({{room="{room}"}} {at}, "name", "$1", "__name__", "(.*)")'
    ):
        labels = dict(sample.labels)
        family = labels.pop("name")
        for nobody_s in ("room", "job", "instance"):
            labels.pop(nobody_s)
        samples[family, frozenset(labels.items())] = sample.value
    return Scraped(round(samples["livestream_log_seq", frozenset()]), samples)


def takings_of_orders(books: Books) -> Takings:
    """Added up from the orders alone: each was paid once or not at all."""
    gross, refunded = Money(), Money()
    statuses: Tally[str] = Tally()
    for order in books.orders.values():
        statuses[order.status.value] += 1
        if order.status in (OrderStatus.PAID, OrderStatus.REFUNDED):
            gross[order.currency, order.channel] += order.total_minor
        if order.status is OrderStatus.REFUNDED:
            refunded[order.currency, order.channel] += order.total_minor
    orders = {
        "placed": len(books.orders),
        "paid": statuses["paid"] + statuses["refunded"],
        "refunded": statuses["refunded"],
        "expired": statuses["expired"],
    }
    return Takings(gross, refunded, orders)


def takings_of_books(books: Books) -> Takings:
    """As the counter has kept them."""
    gross, refunded = Money(), Money()
    for currency, by_sku in books.takings.items():
        for by_channel in by_sku.values():
            for channel, row in by_channel.items():
                gross[currency, channel] += row.gross_minor
                refunded[currency, channel] += row.refunded_minor
    orders = {
        "placed": books.orders_placed,
        "paid": books.orders_paid,
        "refunded": books.orders_refunded,
        "expired": books.orders_expired,
    }
    return Takings(gross, refunded, orders)


def takings_of_scrape(scraped: Scraped) -> Takings:
    """As the counters of the metrics have them."""
    counted = scraped.by("livestream_orders_total", "status")
    orders = {status: number for (status,), number in counted.items()}
    for status in ("deposited", "cancelled"):
        assert orders.pop(status) == 0, "there is no presale in this room"
    orders["expired"] = scraped.one("livestream_orders_expired")
    gross, refunded = (
        Money({(currency, channel): minor for (currency, channel), minor in rows.items()})
        for rows in (
            scraped.by("livestream_gmv_minor_total", "currency", "channel"),
            scraped.by("livestream_gmv_refunded_minor_total", "currency", "channel"),
        )
    )
    return Takings(gross, refunded, orders)


def takings_of_report(report: dict[str, Any]) -> Takings:
    """As `livestream report --json` tells them."""
    gross, refunded = Money(), Money()
    for row in report["by_channel"]:
        gross[row["currency"], row["name"]] += row["gross_minor"]
        refunded[row["currency"], row["name"]] += row["refunded_minor"]
    now = report["orders"]
    orders = {
        "placed": sum(now.values()),
        "paid": now["paid"] + now["refunded"],
        "refunded": now["refunded"],
        "expired": now["expired"],
    }
    return Takings(gross, refunded, orders)


def report_of(redis_url: str, room: str) -> dict[str, Any]:
    """What the command prints."""
    told = run_command("report", room, "--json", "--redis", redis_url)
    assert told.status == 0, told.err
    report: dict[str, Any] = orjson.loads(told.out)
    return report


def assert_scrape_is_the_log(scraped: Scraped, state: RoomState) -> None:
    """Every number of the scrape is that of the log, folded up to where the scrape was made."""
    books = state.books
    assert scraped.seq == state.seq
    assert takings_of_scrape(scraped) == takings_of_orders(books) == takings_of_books(books)
    assert scraped.one("livestream_holds_placed_total") == books.holds_placed
    assert scraped.one("livestream_holds_open") == len(books.holds)
    levels = ("available", "held", "sold", "withdrawn")
    assert scraped.by("livestream_stock_units", "drop", "state") == {
        (drop_id, level): getattr(drop.stock, level)
        for drop_id, drop in books.drops.items()
        for level in levels
    }
    assert scraped.by("livestream_stock_supplied_units", "drop") == {
        (drop_id,): drop.stock.supplied for drop_id, drop in books.drops.items()
    }
    assert scraped.by("livestream_perks_awarded", "drop") == {
        (drop_id,): sum(len(perk.ranks) for perk in drop.perks.values())
        for drop_id, drop in books.drops.items()
    }


async def assert_accounts_agree(redis: aioredis.Redis, redis_url: str, room: str) -> Takings:
    """Orders, books, payments and the report of a room in which nothing is under way any more."""
    books = (await fold(redis, room)).books
    takings = takings_of_orders(books)
    assert takings_of_books(books) == takings
    assert not books.unsettled, "the provider owes an answer"
    statement = await read_statement(redis, room)
    assert list(differences(books, statement)) == []
    for currency in {payment.currency for payment in books.payments.values()}:
        assert statement.net_minor(currency) == takings.net()[currency]
    report = report_of(redis_url, room)
    assert takings_of_report(report) == takings
    said = report["reconciliation"]
    assert said["agrees"], said
    assert {line["provider"] for line in said["figures"] if line["figure"] == "net"} == set(
        takings.net().values()
    ), "the report has seen the provider's account too"
    assert {drop["drop_id"]: drop["sold"] for drop in report["drops"]} == {
        drop_id: drop.stock.sold for drop_id, drop in books.drops.items()
    }
    return takings


def assert_no_counter_went_back(prometheus: Prometheus) -> None:
    """Nothing that was killed took along what it had counted: `rate` and `increase` would add all
    of it up once more.
    """
    named = 'label_replace({__name__=~"livestream_.+"}, "name", "$1", "__name__", "(.*)")'
    fell = [s.labels for s in prometheus.ask(f"resets({named}[10m:1s])") if s.value]
    assert "livestream_holds_open" in {labels["name"] for labels in fell}, "a gauge does"
    counted = ("_total", "_count", "_bucket", "_sum")
    assert [labels for labels in fell if labels["name"].endswith(counted)] == []
