"""The report after the show over HTTP: as JSON, as a page of its own, as CSV.

Owns a reader of the log for each room that was asked about lately, so that a page, its JSON and its
CSV read the log once, and a later look reads what came since. Refuses to know what a report tells
(`livestream.report`).

What it costs: a room's state in this process's memory, some 3 KB for each order, and 7 us for each
new fact at the next call, in slices between which other requests are served.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from redis import asyncio as aioredis

from cart.stock import BrokenBooksError
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import Problem, log_broken
from livestream.report import (
    POLICY,
    LogReader,
    Report,
    csv_of,
    html_of,
    json_of,
    read_surroundings,
)

#: 2 rooms x 100,000 orders x 3 KB = 600 MB at the very worst; a usual one is a thousandth of that.
ROOMS_KEPT = 2


class _Shelf:
    def __init__(self, redis: aioredis.Redis, room: str) -> None:
        self.lock = asyncio.Lock()
        self.reader = LogReader(redis, room)


class Reports:
    """The reports of all rooms that were asked about lately."""

    def __init__(self, redis: aioredis.Redis) -> None:
        self._redis = redis
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()

    def forget(self, room: str) -> None:
        """The room was wiped."""
        self._shelves.pop(room, None)

    async def of(self, room: str) -> Report:
        """The report on a room as Redis has it now.

        Raises:
            redis.exceptions.RedisError: Redis is away.
            msgspec.DecodeError, BrokenBooksError: the log is damaged.
        """
        shelf = self._shelves.setdefault(room, _Shelf(self._redis, room))
        self._shelves.move_to_end(room)
        if len(self._shelves) > ROOMS_KEPT:
            self._shelves.popitem(last=False)
        async with shelf.lock:
            try:
                await shelf.reader.catch_up()
            except BaseException:
                # Half a record may be folded: what is kept would be wrong from here on.
                shelf.reader = LogReader(self._redis, room)
                raise
            beside = await read_surroundings(self._redis, room)
            # Adding up 100,000 orders takes a second: not on the loop.
            return await asyncio.to_thread(shelf.reader.reporter.report, beside)


async def show_report(control: Control, call: Call) -> Answer | Problem:
    """Who came, what they bought and whether it adds up, as JSON."""
    return await _answer(control, call, json_of)


async def show_report_page(control: Control, call: Call) -> Answer | Problem:
    """The report as one HTML file with its plots, to be opened, kept or sent."""
    return await _answer(control, call, html_of, {"Content-Security-Policy": POLICY})


async def show_report_csv(control: Control, call: Call) -> Answer | Problem:
    """The report as CSV: one figure a row."""
    name = f'attachment; filename="{call.room}.csv"'
    return await _answer(control, call, csv_of, {"Content-Disposition": name})


async def _answer(
    control: Control,
    call: Call,
    form: Callable[[Report], str],
    headers: dict[str, str] | None = None,
) -> Answer | Problem:
    try:
        report = await control.reports.of(call.room)
    except (BrokenBooksError, msgspec.DecodeError) as error:
        return log_broken(call.room, error)
    text = await asyncio.to_thread(form, report)
    return Answer(text.encode(), headers=headers or {})
