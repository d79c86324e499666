"""Commands for after the show: is it all in order, what came of it.

Owns which Redis is read. Refuses to judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from redis import asyncio as aioredis

from livestream.cli.options import (
    COMMON,
    STATUS_NO,
    Common,
    NotThereError,
    app,
)
from livestream.config import Settings
from livestream.embedded_redis import EmbeddedRedis
from livestream.redis_client import open_redis
from livestream.serve import read_addresses


@app.command
def verify(
    room: str,
    /,
    *,
    compare: Annotated[
        bool,
        Parameter(
            help="also compare it with the engine's snapshot and the sandbox provider's account",
            negative=(),
        ),
    ] = False,
    books: Annotated[
        bool, Parameter(help="also print the list of books: by product and by order", negative=())
    ] = False,
    json: Annotated[bool, Parameter(help="print JSON", negative=())] = False,
    common: Common = COMMON,
) -> int:
    """Audit ROOM: read its log, and only that; status 0 when every invariant holds."""
    from livestream.audit import Verdict, audit_room, evidence_beside

    async def audit(redis: aioredis.Redis, room: str) -> Verdict:
        evidence = await evidence_beside(redis, room) if compare else None
        return await audit_room(redis, room, evidence, with_books=books)

    with _redis_url(common.settings()) as url:
        verdict = asyncio.run(_with_redis(url, room, audit))
    print(verdict.to_json() if json else verdict.to_text())
    return 0 if verdict.clean else STATUS_NO


@app.command
def report(
    room: str,
    /,
    *,
    html: Annotated[
        Path | None, Parameter(help="write a page with plots: one file, nothing loaded")
    ] = None,
    csv: Annotated[Path | None, Parameter(help="write every figure as a row of CSV")] = None,
    json: Annotated[bool, Parameter(help="print JSON", negative=())] = False,
    common: Common = COMMON,
) -> None:
    """Tell who came to ROOM, what it sold, and whether it all adds up."""
    from livestream.report import csv_of, html_of, json_of, report_room, text_of

    with _redis_url(common.settings()) as url:
        told = asyncio.run(_with_redis(url, room, report_room))
    if html is not None:
        html.write_text(html_of(told), encoding="utf-8")
    if csv is not None:
        csv.write_text(csv_of(told), encoding="utf-8", newline="")
    if json:
        print(json_of(told))
    elif html is None and csv is None:
        print(text_of(told))


@app.command
def export(
    room: str,
    /,
    *,
    format: Literal["csv", "ndjson", "parquet"] = "csv",
    out: Annotated[Path, Parameter(help="directory to write to (default: this one)")] = Path(),
    common: Common = COMMON,
) -> None:
    """Write ROOM's orders, lines, payments and refunds from its log: a file for each."""
    from livestream.export import NoParquetError, export_room, write_files

    with _redis_url(common.settings()) as url:
        exporter = asyncio.run(_with_redis(url, room, export_room))
    try:
        paths = write_files(exporter, room, out, format)
    except NoParquetError as error:
        raise NotThereError(str(error)) from None
    for path in paths:
        print(path)


async def _with_redis(url: str, room: str, read: Any) -> Any:
    from livestream import keys

    redis = open_redis(url)
    try:
        if not await redis.exists(keys.log(room)):
            raise NotThereError(f"no room {room}")
        return await read(redis, room)
    finally:
        await redis.aclose()


@contextmanager
def _redis_url(settings: Settings) -> Iterator[str]:
    """A Redis with this machine's rooms: the one named, the one that runs, or the private one
    started for as long as it is needed.
    """
    addresses = read_addresses(settings.var_dir)
    if settings.redis_url is not None:
        yield settings.redis_url
    elif addresses is not None:
        yield addresses.redis_url
    elif (settings.redis_dir() / "appendonlydir").exists():
        with EmbeddedRedis(settings.redis_dir()) as embedded:
            yield embedded.url
    else:
        raise NotThereError(f"no data under {settings.var_dir}: name another --var-dir, or --redis")
