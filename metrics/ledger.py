"""A room's ledger as metrics: money, orders, stock and audience; and what waits in its inbox.

Owns their names, labels and help texts. The numbers come from the fold of the log, by way of the
ledger that a room's owner publishes, so they agree with the log to the fen and go on where they
stood after every restart. Refuses to know where ledgers come from: it is given plain dicts.

Rooms and channels are open sets and cut off; drops are at most 64 to a room. Rooms at rest, which
have no owner until somebody asks for something there, make place for those that have one. A sum of
2^53 minor units (90 trillion yuan) is still exact in a scrape's doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from metrics.catalog import OTHER, ROOM_LABELS_MAX, BoundedLabel

#: Channels are signed into tickets by the merchant; a shop has a handful.
CHANNEL_LABELS_MAX = 32
channel_label = BoundedLabel(CHANNEL_LABELS_MAX)


class RoomNames:
    """Which rooms go by their name, at most `most`; the others are "other".

    Chosen anew at each scrape, for a control server may live longer than any room is of interest:
    rooms with an owner keep a name that they have, then come new ones, then those at rest.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._named: set[str] = set()

    def choose(self, awake: Iterable[str], resting: Iterable[str]) -> None:
        """Name the first of these, each in the order of its need."""
        known_first = sorted(awake, key=lambda room: (room not in self._named, room))
        self._named = set([*known_first, *resting][: self._most])

    def __call__(self, room: str) -> str:
        """What stands in the label; a room that was not chosen from gets a place that is left."""
        if room not in self._named and len(self._named) >= self._most:
            return OTHER
        self._named.add(room)
        return room


room_label = RoomNames(ROOM_LABELS_MAX)

Ledger = Mapping[str, Any]
#: Label values after the room, and the number.
Row = tuple[tuple[str, ...], float]


class _Reading(NamedTuple):
    """One metric and how it is read off a ledger. Rows that share their labels (rooms and channels
    called "other") are put together by `merge`.
    """

    kind: Literal["counter", "gauge"]
    name: str
    help: str
    labels: tuple[str, ...]
    rows: Callable[[Ledger], Iterable[Row]]
    merge: Callable[[float, float], float] = lambda one, two: one + two


def families(ledgers: Iterable[Ledger], now_ms: int) -> Iterator[Metric]:
    """The metrics of all rooms but sandboxes. A ledger that cannot be read is counted, and left
    out.
    """
    awake: dict[str, list[list[Row]]] = {}
    resting: dict[str, tuple[int, list[list[Row]]]] = {}
    unreadable = 0
    for ledger in ledgers:
        if ledger.get("sandbox"):
            continue  # a rehearsal sells nothing
        try:
            room, at_ms = str(ledger["room"]), int(ledger["at_ms"])
            rows = [list(reading.rows(ledger)) for reading in _READINGS]
        except (KeyError, TypeError, ValueError):
            unreadable += 1
            continue
        if ledger.get("resting"):
            resting[room] = at_ms, [*rows, []]
        else:
            awake[room] = [*rows, [((), max(0, now_ms - at_ms) / 1_000)]]
    room_label.choose(awake, sorted(resting, key=lambda room: -resting[room][0]))
    told = [(room_label(room), rows) for room, rows in awake.items()]
    told += [(room_label(room), rows) for room, (_, rows) in resting.items()]
    for index, reading in enumerate((*_READINGS, _AGE)):
        yield _family(reading, [(room, rows[index]) for room, rows in told])
    yield GaugeMetricFamily(
        "livestream_ledgers_unreadable",
        "Rooms whose ledger this process cannot read: its engine is of another version. "
        "Their money and stock are missing here until both are of one version.",
        value=unreadable,
    )


def inbox_family(inboxes: Mapping[str, int]) -> Metric:
    """What waits for the rooms' engines, from the inboxes themselves: also while no engine runs."""
    rows: list[tuple[str, list[Row]]] = [
        (room_label(room), [((), length)]) for room, length in inboxes.items()
    ]
    return _family(_INBOX, rows)


def _family(reading: _Reading, rooms: Iterable[tuple[str, list[Row]]]) -> Metric:
    sums: dict[tuple[str, ...], float] = {}
    of_drops = "drop" in reading.labels[:1]
    for room, rows in rooms:
        for labels, value in rows:
            # Drops of rooms that share a label share theirs too.
            key = (room, OTHER, *labels[1:]) if room == OTHER and of_drops else (room, *labels)
            sums[key] = reading.merge(sums[key], value) if key in sums else value
    kind = CounterMetricFamily if reading.kind == "counter" else GaugeMetricFamily
    family = kind(reading.name, reading.help, labels=("room", *reading.labels))
    for key, value in sums.items():
        family.add_metric(key, value)
    return family


def _number(*path: str) -> Callable[[Ledger], Iterable[Row]]:
    """The one number at `path` of the ledger."""

    def read(ledger: Ledger) -> Iterable[Row]:
        value: Any = ledger
        for step in path:
            value = value[step]
        return [((), float(value))]

    return read


def _takings(field: str) -> Callable[[Ledger], Iterable[Row]]:
    def read(ledger: Ledger) -> Iterable[Row]:
        for row in ledger["takings"]:
            yield (row["currency"], channel_label(row["channel"])), row[field]

    return read


def _deposits(ledger: Ledger) -> Iterable[Row]:
    for row in ledger["takings"]:
        labels = row["currency"], channel_label(row["channel"])
        for became in ("applied", "forfeited", "refunded"):
            yield (*labels, became), row[f"deposits_{became}_minor"]
        ended = sum(
            row[f"deposits_{became}_minor"] for became in ("applied", "forfeited", "refunded")
        )
        yield (*labels, "waiting"), row["deposits_minor"] - ended


def _status(ledger: Ledger) -> Iterable[Row]:
    for status in ("created", "live", "ended"):
        yield (status,), ledger["status"] == status


def _orders(ledger: Ledger) -> Iterable[Row]:
    for status in ("placed", "deposited", "cancelled", "paid", "refunded"):
        yield (status,), ledger["orders"][status]


def _orders_open(ledger: Ledger) -> Iterable[Row]:
    orders = ledger["orders"]
    ended = sum(orders[how] for how in ("paid", "expired", "defaulted", "cancelled"))
    return [((), orders["placed"] - ended)]


def _per_drop(field: str) -> Callable[[Ledger], Iterable[Row]]:
    def read(ledger: Ledger) -> Iterable[Row]:
        for drop in ledger["drops"]:
            yield (drop["drop_id"],), drop[field]

    return read


def _room_perks(ledger: Ledger) -> Iterable[Row]:
    return [((), sum(perk["given"] for perk in ledger["perks"]))]


def _coupons(ledger: Ledger) -> Iterable[Row]:
    for state in ("held", "redeemed"):
        yield (state,), ledger["coupons"][state]


def _stock(ledger: Ledger) -> Iterable[Row]:
    for drop in ledger["drops"]:
        for state in ("available", "held", "sold", "withdrawn"):
            yield (drop["drop_id"], state), drop[state]


_READINGS: Final = (
    _Reading(
        "counter",
        "livestream_gmv_minor",
        "Gross merchandise value of paid orders, in minor units of the currency (fen). "
        "Equal to what `livestream verify` finds in the room's log.",
        ("currency", "channel"),
        _takings("gross_minor"),
    ),
    _Reading(
        "counter",
        "livestream_gmv_refunded_minor",
        "What was given back of livestream_gmv_minor_total; their difference is net.",
        ("currency", "channel"),
        _takings("refunded_minor"),
    ),
    _Reading(
        "gauge",
        "livestream_deposits_minor",
        "Deposits of presales by what became of them. Those that are applied are in "
        "livestream_gmv_minor_total; those that wait are held for orders whose balance is due.",
        ("currency", "channel", "became"),
        _deposits,
    ),
    _Reading(
        "counter",
        "livestream_orders",
        "Orders by what became of them: each is placed, then perhaps paid (in a presale deposited "
        "before, and cancelled if the deposit was given back), then perhaps refunded. "
        "Placed far ahead of paid: look at the payment provider.",
        ("status",),
        _orders,
    ),
    _Reading(
        "gauge",
        "livestream_orders_open",
        "Orders that wait for their payment.",
        (),
        _orders_open,
    ),
    _Reading(
        "gauge",
        "livestream_orders_expired",
        "Orders whose time to pay passed. A gauge: a late payment makes one a paid order again.",
        (),
        _number("orders", "expired"),
    ),
    _Reading(
        "gauge",
        "livestream_orders_defaulted",
        "Orders of presales whose balance was not paid in time. A gauge, as expired ones are.",
        (),
        _number("orders", "defaulted"),
    ),
    _Reading(
        "counter",
        "livestream_holds_placed",
        "Times that units were put in a cart.",
        (),
        _number("holds", "placed"),
    ),
    _Reading(
        "gauge",
        "livestream_holds_open",
        "Holds in carts and in orders that wait for their payment.",
        (),
        _number("holds", "open"),
    ),
    _Reading(
        "gauge",
        "livestream_stock_units",
        "Units of a drop by state. Together they are livestream_stock_supplied_units, always; "
        "if ever not, stop the drop and run `livestream verify`.",
        ("drop", "state"),
        _stock,
    ),
    _Reading(
        "gauge",
        "livestream_stock_supplied_units",
        "Units that a drop was given, with what was restocked.",
        ("drop",),
        _per_drop("supply"),
    ),
    _Reading(
        "gauge",
        "livestream_perks_awarded",
        "Paid orders that hold a rank among the first N of their drop.",
        ("drop",),
        _per_drop("perks_awarded"),
    ),
    _Reading(
        "gauge",
        "livestream_room_perks_awarded",
        "Paid orders that hold a rank among the first N of the room, whatever they bought.",
        (),
        _room_perks,
    ),
    _Reading(
        "gauge",
        "livestream_coupon_redemptions",
        "Redemptions of all coupons of the room: held by orders that wait, redeemed by paid ones. "
        "No code is told here; the desk's list of coupons has them.",
        ("state",),
        _coupons,
    ),
    _Reading(
        "gauge",
        "livestream_room_status",
        "1 for what the room is now: created, live, ended. Rooms that are called `other` add up.",
        ("status",),
        _status,
    ),
    _Reading(
        "gauge",
        "livestream_viewers",
        "Viewers of the room on all gateways of all machines.",
        (),
        _number("audience", "viewers"),
    ),
    _Reading(
        "gauge",
        "livestream_viewers_peak",
        "The most viewers that the room has had at once.",
        (),
        _number("audience", "peak"),
        max,
    ),
    _Reading(
        "gauge",
        "livestream_viewers_unique",
        "Different viewers of the room so far, within 1 % (a HyperLogLog).",
        (),
        _number("audience", "unique"),
    ),
    _Reading(
        "counter",
        "livestream_likes",
        "Taps on the heart.",
        (),
        _number("audience", "likes"),
    ),
    _Reading(
        "gauge",
        "livestream_log_seq",
        "Facts in the room's log.",
        (),
        _number("seq"),
        max,
    ),
)
#: The one reading that is not in the ledger.
_INBOX: Final = _Reading(
    "gauge",
    "livestream_inbox_entries",
    "Batches of commands that wait in the room's inbox to be decided. A handful in a rush; growing "
    "without end the room has no engine, or a slower one than its crowd.",
    (),
    lambda _: (),
)
#: The one reading that needs a clock.
_AGE: Final = _Reading(
    "gauge",
    "livestream_ledger_age_seconds",
    "Time since the room's owner last told its numbers. Above 5 s nobody owns the room, or its "
    "engine or Redis stalls: commands wait. A room at rest needs no owner and has no age.",
    (),
    lambda _: (),
    max,
)
