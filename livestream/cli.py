"""The command line: the one place where adapters are wired together.

Owns names of commands and options, what they print and their exit status. Refuses to do the work
itself.

Exit status: 0 done, 1 the answer is no (an audit with findings, an unhealthy role), 2 asked wrongly
(an option, a setting, a show file), 3 something needed is not there (Redis, a room).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import cyclopts
import msgspec
from cyclopts import App, Parameter
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import __version__, logs
from livestream.clock import now_ms
from livestream.config import Settings, SettingsError, variables
from livestream.embedded_redis import EmbeddedRedis, EmbeddedRedisError
from livestream.redis_client import RedisUrlError, open_redis
from livestream.serve import Addresses, read_addresses
from livestream.serve import serve as serve_all
from livestream.show import SCHEMA_FILE, Show, load_show, new_show, show_schema
from livestream.tickets import HostToken, Ticket, issue_host_token, issue_ticket

#: The longest a token that is made by hand is good for: a year.
HOURS_MAX = 8_760.0

STATUS_NO = 1
STATUS_ASKED_WRONGLY = 2
STATUS_NOT_THERE = 3

app = App(
    name="livestream",
    help="A livestream commerce event engine: limited drops before a very large room.",
    help_epilogue="Every option has a variable LIVESTREAM_…: see `livestream settings`. "
    "Exit status: 0 done, 1 the answer is no, 2 asked wrongly, 3 something needed is not there.",
    version=__version__,
)
show_app = App(name="show", help="Run-of-show files.")
app.command(show_app)


class NotThereError(Exception):
    """Something that the command needs does not exist; the message is one line."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """Options that every command has."""

    redis: Annotated[
        str | None, Parameter(help="URL of your own Redis; without it a private one is used")
    ] = None
    var_dir: Annotated[
        Path | None, Parameter(help="directory for all that is written (default: var)")
    ] = None
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    log_format: Literal["auto", "human", "json"] | None = None

    def settings(self, **more: object) -> Settings:
        """The settings of this command."""
        return Settings.load(
            os.environ,
            redis_url=self.redis,
            var_dir=self.var_dir,
            log_level=self.log_level,
            log_format=self.log_format,
            **more,
        )


COMMON = Common()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where servers listen, and how many there are."""

    control_host: Annotated[
        str | None, Parameter(help="address of the panel and the API (default: 127.0.0.1)")
    ] = None
    control_port: Annotated[
        int | None, Parameter(help="port of the panel and the API (default: 8080; 0: any)")
    ] = None
    gateway_host: Annotated[
        str | None, Parameter(help="address of the gateways (default: 127.0.0.1)")
    ] = None
    gateway_port: Annotated[
        int | None, Parameter(help="port of the gateways (default: 8081; 0: any)")
    ] = None
    gateways: Annotated[int | None, Parameter(help="gateway processes (default: one per core)")] = (
        None
    )
    walk_in: Annotated[
        bool | None,
        Parameter(help="hand a ticket to anyone who opens a watch page", negative=()),
    ] = None

    def options(self) -> dict[str, object]:
        """As overrides of the settings."""
        return {
            "control_host": self.control_host,
            "control_port": self.control_port,
            "gateway_host": self.gateway_host,
            "gateway_port": self.gateway_port,
            "gateways": self.gateways,
            "walk_in": self.walk_in,
        }


LISTENING = Listening()


# -- servers -----------------------------------------------------------------------------------


@app.command
def serve(*, common: Common = COMMON, listening: Listening = LISTENING) -> int:
    """Run everything on this machine: Redis, an engine, a control server, gateways."""
    settings = common.settings(**listening.options())
    logs.configure(settings, "serve")

    def announce(addresses: Addresses) -> None:
        if not sys.stdout.isatty():
            return
        token = _host_token(settings, "host", "host", hours=12)
        print(f"panel    {addresses.control_url}/#token={token}")
        print(f"viewers  {addresses.control_url}/watch/ROOM  (tickets: livestream ticket ROOM)")
        print(f"metrics  {addresses.control_url}/metrics")

    return serve_all(settings, announce)


@app.command
def engine(*, common: Common = COMMON) -> None:
    """Run one engine against --redis URL: it owns rooms and decides."""
    settings = _remote(common.settings())
    logs.configure(settings, "engine")
    from livestream.engine import process

    with _listening("engine", settings.engine_host, settings.engine_port):
        process.run(settings, alone=True)


@app.command
def courier(*, common: Common = COMMON) -> None:
    """Run one courier against --redis URL: it brings order events to the merchant's systems."""
    settings = _remote(common.settings())
    if settings.merchant_webhook_url is None:
        raise SettingsError("a courier needs LIVESTREAM_MERCHANT_WEBHOOK_URL and …_SECRET")
    logs.configure(settings, "courier")
    from livestream.courier import process

    with _listening("courier", settings.engine_host, settings.courier_port):
        process.run(settings, alone=True)


@app.command
def control(*, common: Common = COMMON, listening: Listening = LISTENING) -> None:
    """Run one control server against --redis URL: the API, the panel, the viewer page."""
    settings = _remote(common.settings(**listening.options()))
    logs.configure(settings, "control")
    from livestream.control import server

    with _listening("control", settings.control_host, settings.control_port):
        server.run(settings)


@app.command
def gateway(*, common: Common = COMMON, listening: Listening = LISTENING) -> None:
    """Run one gateway against --redis URL: it holds viewers' connections."""
    settings = _remote(common.settings(**listening.options()))
    logs.configure(settings, "gateway")
    from livestream.gateway import server

    with _listening("gateway", settings.gateway_host, settings.gateway_port):
        server.run(settings)


@contextmanager
def _listening(role: str, host: str, port: int) -> Iterator[None]:
    """A role that cannot listen where it was told says so in one line."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise  # a file's, not the socket's
        known = error.errno is not None and error.errno > 0  # a name that is none has -2 or so
        reason = os.strerror(error.errno or 0) if known else str(error)
        raise SettingsError(f"{role}: cannot listen on {host}:{port} ({reason})") from None


def _remote(settings: Settings) -> Settings:
    if settings.redis_url is None:
        raise SettingsError("a role on its own needs --redis URL (or LIVESTREAM_REDIS_URL)")
    return settings


@app.command
def healthcheck(*, common: Common = COMMON, listening: Listening = LISTENING) -> int:
    """Ask /livez of every role that listens here; status 0 when all of them answer."""
    settings = common.settings(**listening.options())
    doors = {
        "control": (settings.control_host, settings.control_port),
        "gateway": (settings.gateway_host, settings.gateway_port),
        "engine": (settings.engine_host, settings.engine_port),
        "courier": (settings.engine_host, settings.courier_port),
    }
    answers = {role: _livez(host, port) for role, (host, port) in doors.items()}
    for role, answer in answers.items():
        if answer is not None:
            print(f"{role}: {answer}")
    heard = [answer for answer in answers.values() if answer is not None]
    if not heard:
        print("no role listens here", file=sys.stderr)
    return 0 if heard and set(heard) == {"ok"} else STATUS_NO


def _livez(host: str, port: int) -> str | None:
    """What a role says, or None when nobody listens."""
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/livez", timeout=2) as answer:
            return "ok" if answer.status == 200 else f"status {answer.status}"
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except urllib.error.URLError as error:
        return None if isinstance(error.reason, ConnectionRefusedError) else str(error.reason)
    except OSError as error:
        return str(error)


# -- shows -------------------------------------------------------------------------------------


@app.command
def demo(
    *,
    viewers: Annotated[int, Parameter(help="simulated viewers")] = 300,
    show: Annotated[Path | None, Parameter(help="run-of-show file")] = None,
    exit: Annotated[
        bool, Parameter(help="end by itself; status 0 only if the audit is clean", negative=())
    ] = False,
    seed: Annotated[int | None, Parameter(help="repeat the viewers of an earlier demo")] = None,
    common: Common = COMMON,
    listening: Listening = LISTENING,
) -> int:
    """Play a whole show on this machine, with viewers who chat, like, buy and lose their
    connection.
    """
    from livestream.demo import run_demo

    settings = common.settings(**{**listening.options(), "walk_in": True})
    logs.configure(settings, "demo")
    return run_demo(settings, viewers=viewers, show=show, exit_when_done=exit, seed=seed)


@show_app.command(name="run")
def show_run(
    file: Path,
    /,
    *,
    room: Annotated[str | None, Parameter(help="room id (default: the file's name)")] = None,
    api: Annotated[
        str | None,
        Parameter(help="address of the control server (default: the one that runs here)"),
    ] = None,
    token: Annotated[
        str | None, Parameter(help="host token (default: made with this machine's secret)")
    ] = None,
    speed: Annotated[float, Parameter(help="2 plays twice as fast")] = 1.0,
    common: Common = COMMON,
) -> int:
    """Play a run-of-show file on a running server, by the server's clock."""
    from livestream.show.runner import Played, ShowStoppedError, run_show

    settings = common.settings()
    script = _show(file)
    addresses = read_addresses(settings.var_dir)
    if api is None and addresses is None:
        raise NotThereError("no server runs here: start `livestream serve`, or name one with --api")
    api_url = api or (addresses.control_url if addresses else "")
    name = room or file.stem

    def report(step: Played) -> None:
        print(f"{step.cue}{f'  -> {step.problem}' if step.problem else ''}", flush=True)

    host_token = token or _host_token(settings, "show", "host", hours=12)
    try:
        played = asyncio.run(run_show(script, api_url, host_token, name, speed, report))
    except ShowStoppedError as error:
        raise NotThereError(str(error)) from None
    return STATUS_NO if any(step.problem for step in played) else 0


@app.command
def rehearse(
    file: Path,
    /,
    *,
    viewers: Annotated[int, Parameter(help="simulated people who come to watch")] = 60,
    buyers: Annotated[
        int | None, Parameter(help="how many of them mean to buy (default: enough for everything)")
    ] = None,
    speed: Annotated[float, Parameter(help="how many times as fast, 20 at most")] = 10.0,
    keep: Annotated[bool, Parameter(help="do not wipe the room afterwards", negative=())] = False,
    seed: Annotated[int | None, Parameter(help="repeat the people of an earlier one")] = None,
    api: Annotated[
        str | None,
        Parameter(help="address of the control server (default: the one that runs here)"),
    ] = None,
    token: Annotated[
        str | None, Parameter(help="host token (default: made with this machine's secret)")
    ] = None,
    common: Common = COMMON,
) -> int:
    """Rehearse a show on a running server: in a sandbox room, before simulated people, in less
    time; then tell what came of it, and wipe the room. Status 0 when the auditor finds nothing and
    every cue was done.
    """
    from livestream.rehearsal import Words, rehearse
    from livestream.show.rehearsal import Failure, Plan, Told, rehearsal_room
    from livestream.show.runner import ShowStoppedError

    settings = common.settings()
    script = _show(file)
    addresses = read_addresses(settings.var_dir)
    redis_url = settings.redis_url or (addresses and addresses.redis_url)
    if (api is None and addresses is None) or redis_url is None:
        raise NotThereError(
            "no server runs here: start `livestream serve`, or name one with --api and --redis"
        )
    seed = secrets.randbelow(2**32) if seed is None else seed
    plan = {
        "room": rehearsal_room(file.stem, f"{seed:08x}"),
        "show": "",
        "control_url": api or (addresses.control_url if addresses else ""),
        "redis_url": redis_url,
        "token": token or _host_token(settings, "rehearsal", "host", hours=12),
        "viewers": viewers,
        "buyers": buyers,
        "speed": speed,
        "keep": keep,
        "seed": seed,
    }
    words = Words()

    def tell(told: Told) -> None:
        for line in words.of(told):
            print(line, flush=True)

    try:
        asked = msgspec.convert(plan, Plan)
        print(f"room {asked.room}, --seed {seed}")
        outcome = asyncio.run(rehearse(asked, script, tell))
    except msgspec.ValidationError as error:
        raise SettingsError(str(error)) from None
    except ShowStoppedError as error:
        tell(Failure(str(error)))
        return STATUS_NOT_THERE
    tell(outcome)
    return 0 if outcome.clean and not outcome.not_done else STATUS_NO


@show_app.command(name="check")
def show_check(file: Path, /) -> None:
    """Read a run-of-show file and say what is wrong with it, with line numbers."""
    print(f"{file}: {_show(file).title}: ready to play")


@show_app.command(name="new")
def show_new(file: Path, /) -> None:
    """Write a show to begin from, with what may be said in it, and beside it the JSON Schema by
    which editors complete it. What is there already stays.
    """
    if file.exists():
        raise SettingsError(f"{file} is there already, and is left as it is")
    file.write_text(new_show(), encoding="utf-8")
    schema = file.with_name(SCHEMA_FILE)
    if not schema.exists():
        schema.write_text(show_schema(), encoding="utf-8")
    print(f"{file}: livestream show check {file}")


@show_app.command(name="schema")
def show_schema_text() -> None:
    """Print the JSON Schema of show files."""
    print(show_schema(), end="")


def _show(file: Path) -> Show:
    script = load_show(file)
    if isinstance(script, Show):
        return script
    for mistake in script:
        print(mistake, file=sys.stderr)
    raise SystemExit(STATUS_ASKED_WRONGLY)


# -- tickets -----------------------------------------------------------------------------------


@app.command
def ticket(
    room: str,
    /,
    *,
    viewer: Annotated[str, Parameter(help="the merchant's id of the viewer")] = "alice",
    name: Annotated[str | None, Parameter(help="shown in the chat (default: the id)")] = None,
    channel: Annotated[str, Parameter(help="where the viewer comes from")] = "direct",
    tier: Annotated[str, Parameter(help="of which tier of clients (default: none)")] = "",
    invited: Annotated[bool, Parameter(help="to the room and all its drops", negative="")] = False,
    hours: float = 4,
    common: Common = COMMON,
) -> None:
    """Print a viewer's ticket for ROOM ("*": any room)."""
    settings = common.settings()
    expires_at_ms = _expires_at_ms(hours)
    signed = Ticket(viewer, room, channel, name or viewer, expires_at_ms, tier, invited)
    print(_signed(lambda: issue_ticket(settings.signing_key(), signed)))


@app.command
def token(
    name: str,
    /,
    *,
    role: Literal["host", "moderator", "analyst"] = "host",
    hours: float = 12,
    common: Common = COMMON,
) -> None:
    """Print a token for the desk: the panel and the API."""
    print(_host_token(common.settings(), name, role, hours))


def _host_token(
    settings: Settings, name: str, role: Literal["host", "moderator", "analyst"], hours: float
) -> str:
    signed = HostToken(name, role, _expires_at_ms(hours))
    return _signed(lambda: issue_host_token(settings.signing_key(), signed))


def _expires_at_ms(hours: float) -> int:
    if not 0 < hours <= HOURS_MAX:
        raise SettingsError(f"--hours is {hours:g}, but must be above 0, {HOURS_MAX:g} at most")
    return now_ms() + round(timedelta(hours=hours) / timedelta(milliseconds=1))


def _signed(issue: Any) -> str:
    try:
        return str(issue())
    except ValueError as error:
        raise SettingsError(str(error)) from None


# -- after the show ----------------------------------------------------------------------------


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


@app.command
def settings() -> None:
    """List every LIVESTREAM_… variable with its default."""
    for name, meaning, default in variables():
        print(f"{name}\n    {meaning} (default: {default})")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script; without `arguments`, those of the process."""
    try:
        status = app(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except cyclopts.CycloptsError as error:
        _fail(str(error), STATUS_ASKED_WRONGLY)
    except SettingsError as error:
        _fail(str(error), STATUS_ASKED_WRONGLY)
    except RedisUrlError as error:
        _fail(f"redis: {error}", STATUS_ASKED_WRONGLY)
    except (NotThereError, EmbeddedRedisError) as error:
        _fail(str(error), STATUS_NOT_THERE)
    except (RedisError, ConnectionError) as error:
        _fail(f"Redis: {error}", STATUS_NOT_THERE)
    except OSError as error:
        # A file or a directory that is not there, or not ours.
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", STATUS_NOT_THERE)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> NoReturn:
    print(f"livestream: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)
