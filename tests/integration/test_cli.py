"""The command line after a show: the auditor's verdict, the report; and what a mistake gets: one
line, a status that scripts can use, and no traceback.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import cast

import orjson
import pytest
from redis import asyncio as aioredis

from cart.events import HoldPlaced, OrderPaid, OrderPlaced, PaymentStarted
from cart.order import OrderLine
from livestream import cli, keys, wire
from livestream.audit import audit_room
from livestream.clock import now_ms
from livestream.facts import AnyFact, Record
from livestream.journal import read_log
from livestream.redis_client import StreamEntries
from livestream.room import RoomState
from livestream.tickets import HostToken, Ticket, read_host_token, read_ticket
from tests.integration.house import SECRET, Served
from tests.integration.programs import Ran, run_command
from tests.integration.shoppers import Shopper
from tests.integration.world import World

PRICE_MINOR = 2_880_000


class Shell:
    """Runs commands in this process, as the console script would; a process of its own for each
    would cost half a second of a core.
    """

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch = patch
        self._capture = capture

    def __call__(self, *arguments: str, **settings: object) -> Ran:
        for name, value in settings.items():
            self._patch.setenv(f"LIVESTREAM_{name.upper()}", str(value))
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        self._patch.undo()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, *self._capture.readouterr())


@pytest.fixture
def livestream(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def assert_one_line(ran: Ran, status: int, *words: str) -> None:
    """It failed as a command should: this status, one line that says these words, nothing else."""
    assert (ran.status, ran.out) == (status, "")
    assert "Traceback" not in ran.err
    [line] = ran.err.splitlines()
    assert line.startswith("livestream: ")
    for word in words:
        assert word in line


async def sells_out(evening: World) -> None:
    """Two shoppers buy the two bags there are."""
    async with evening.desk() as desk, evening.line("ann") as ann, evening.line("ben") as ben:
        await desk.opens_drop("bag", 2, PRICE_MINOR)
        for line in (ann, ben):
            assert await Shopper(line, "tmall", random.Random(1)).wants("bag")


async def copy_log(redis: aioredis.Redis, room: str, copy: str) -> None:
    entries = cast(StreamEntries, await redis.xrange(keys.log(room)))
    for entry_id, fields in entries:
        await redis.xadd(keys.log(copy), {b"r": fields[b"r"]}, id=entry_id)


async def append(redis: aioredis.Redis, room: str, *facts: AnyFact) -> None:
    """Write a record as a broken engine would: well-formed, and false."""
    last = [(seq, record) async for seq, record in read_log(redis, room)][-1]
    seq, record = last[0] + len(facts), last[1]
    forged = wire.encode_record(Record(record.epoch, record.at_ms, record.cursor, list(facts)))
    await redis.xadd(keys.log(room), {b"r": forged}, id=f"{seq}-0")


# -- the auditor -------------------------------------------------------------------------------


async def test_the_auditor_passes_a_good_log(evening: World) -> None:
    await sells_out(evening)
    ran = run_command("verify", evening.room, redis_url=evening.house.redis_url)
    assert (ran.status, ran.err) == (0, "")
    assert "CNY 57,600.00" in ran.out
    assert ran.out.splitlines()[-1].startswith("clean up to seq")


async def test_the_auditor_prints_the_list_of_books_when_asked(evening: World) -> None:
    await sells_out(evening)
    ran = run_command("verify", evening.room, "--books", redis_url=evening.house.redis_url)
    assert (ran.status, ran.err) == (0, "")
    assert "all CNY" in ran.out
    assert "balances" in ran.out
    assert "DOES NOT BALANCE" not in ran.out


async def test_the_auditor_reads_the_log_alone_unless_it_is_asked_to_compare(
    evening: World,
) -> None:
    await sells_out(evening)
    copy = f"{evening.room}-copy"
    await copy_log(evening.redis, evening.room, copy)
    await evening.redis.set(keys.snapshot(copy), wire.encode_state(RoomState(copy, seq=999_999)))
    audited = run_command("verify", copy, redis_url=evening.house.redis_url)
    assert (audited.status, audited.err) == (0, "")
    compared = run_command("verify", copy, "--compare", redis_url=evening.house.redis_url)
    assert compared.status == 1
    assert compared.out.splitlines()[-1].startswith("NOT CLEAN")


async def test_the_auditor_finds_one_bag_too_many(evening: World) -> None:
    """The twin: the same log and one more sale. If nobody noticed it, the good one above would
    prove nothing.
    """
    await sells_out(evening)
    copy = f"{evening.room}-forged"
    await copy_log(evening.redis, evening.room, copy)
    assert (await audit_room(evening.redis, copy)).clean
    later_ms = now_ms() + 60_000
    line = OrderLine("h99", "drop-bag", "bag", 1, PRICE_MINOR)
    await append(
        evening.redis,
        copy,
        HoldPlaced("h99", "eve", "drop-bag", "bag", 1, PRICE_MINOR, "CNY", later_ms, "x1"),
        OrderPlaced("o99", "c9", "eve", "tmall", [line], PRICE_MINOR, "CNY", later_ms, {}),
        PaymentStarted("o99-p1", "o99", "tok_approve", PRICE_MINOR, "CNY"),
        OrderPaid("o99", "o99-p1", 3),
    )
    ran = run_command("verify", copy, "--json", redis_url=evening.house.redis_url)
    assert ran.status == 1
    verdict = orjson.loads(ran.out)
    assert {rule["number"] for rule in verdict["rules"]} >= set(range(1, 13)), "all twelve"
    assert 2 in {rule["number"] for rule in verdict["rules"] if rule["found"]}, "never oversold"
    assert any("drop-bag" in finding["sentence"] for finding in verdict["findings"])


async def test_the_auditor_finds_a_fen_that_is_missing(evening: World) -> None:
    await sells_out(evening)
    copy = f"{evening.room}-forged"
    entries = cast(StreamEntries, await evening.redis.xrange(keys.log(evening.room)))
    a_fen_less = (b'"total_minor":%d' % PRICE_MINOR, b'"total_minor":%d' % (PRICE_MINOR - 1))
    for entry_id, fields in entries:
        forged = fields[b"r"].replace(*a_fen_less)
        await evening.redis.xadd(keys.log(copy), {b"r": forged}, id=entry_id)
    ran = run_command("verify", copy, redis_url=evening.house.redis_url)
    assert ran.status == 1
    assert ran.out.splitlines()[-1].startswith("NOT CLEAN")


async def test_the_report_tells_what_was_sold(evening: World) -> None:
    await sells_out(evening)
    ran = run_command("report", evening.room, redis_url=evening.house.redis_url)
    assert (ran.status, ran.err) == (0, "")
    assert "CNY 57,600.00" in ran.out


async def test_the_report_is_written_as_a_page_and_as_csv(evening: World, free_dir: Path) -> None:
    await sells_out(evening)
    html, csv = free_dir / "report.html", free_dir / "report.csv"
    asked = ("report", evening.room, "--html", str(html), "--csv", str(csv), "--json")
    ran = run_command(*asked, redis_url=evening.house.redis_url)
    assert (ran.status, ran.err) == (0, "")
    assert orjson.loads(ran.out)["gmv"][0]["net_minor"] == 5_760_000
    assert "CNY 57,600.00" in html.read_text(encoding="utf-8")
    assert b",net_minor,CNY minor,5760000\r\n" in csv.read_bytes()


async def test_orders_are_exported_as_files(evening: World, free_dir: Path) -> None:
    await sells_out(evening)
    asked = ("export", evening.room, "--format", "ndjson", "--out", str(free_dir / "out"))
    ran = run_command(*asked, redis_url=evening.house.redis_url)
    assert (ran.status, ran.err) == (0, "")
    paths = [Path(line) for line in ran.out.splitlines()]
    assert [path.name.removeprefix(f"{evening.room}.") for path in paths] == [
        "orders.ndjson",
        "lines.ndjson",
        "payments.ndjson",
        "refunds.ndjson",
    ]
    orders = [orjson.loads(line) for line in paths[0].read_bytes().splitlines()]
    assert sum(o["total_minor"] for o in orders if o["status"] == "paid") == 5_760_000


async def test_a_report_that_cannot_be_written_is_told_in_one_line(
    evening: World, free_dir: Path
) -> None:
    await sells_out(evening)
    nowhere = free_dir / "absent" / "report.html"
    asked = ("report", evening.room, "--html", str(nowhere))
    assert_one_line(run_command(*asked, redis_url=evening.house.redis_url), NOT_THERE, str(nowhere))


# -- tokens ------------------------------------------------------------------------------------


def test_a_ticket_and_a_host_token_open_what_they_say(livestream: Shell) -> None:
    ticket = livestream(
        *("ticket", "soiree", "--viewer", "ann", "--channel", "wechat"),
        *("--tier", "gold", "--invited"),
        secret=SECRET,
    ).out.strip()
    read = read_ticket(SECRET, ticket, "soiree", now_ms())
    assert isinstance(read, Ticket)
    assert (read.viewer, read.channel) == ("ann", "wechat")
    assert (read.tier, read.invited) == ("gold", True)
    token = livestream("token", "moira", "--role", "moderator", secret=SECRET).out.strip()
    host = read_host_token(SECRET, token, now_ms())
    assert isinstance(host, HostToken)
    assert (host.name, host.role) == ("moira", "moderator")


# -- mistakes ----------------------------------------------------------------------------------

ASKED_WRONGLY, NOT_THERE = 2, 3
NOBODY_THERE = "unix:///nonexistent/redis.sock"


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["frobnicate"], {}, ["frobnicate"]),
        (["verify", "soiree", "--colour"], {}, ["--colour"]),
        (["ticket"], {}, ["ROOM"]),
        (["ticket", "a room"], {"secret": SECRET}, ["room"]),
        (["ticket", "soiree", "--hours", "nan"], {"secret": SECRET}, ["--hours", "above 0"]),
        (["token", "moira", "--role", "queen"], {"secret": SECRET}, ["queen", "moderator"]),
        (["token", "moira"], {"secret": "short"}, ["SECRET", "32"]),
        (["engine"], {}, ["--redis"]),
        (["engine"], {"redis_url": "carrier-pigeon://nest"}, ["unix://"]),
        (["engine", "--redis", NOBODY_THERE], {"lease_ms": 3}, ["LEASE_MS", "'3'", "200"]),
        (["serve", "--gateways", "0"], {}, ["gateways", "1 to 256"]),
        (["engine"], {"leese_ms": 300}, ["LEESE_MS", "LIVESTREAM_LEASE_MS"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_asked_wrongly(
    livestream: Shell, arguments: list[str], settings: dict[str, object], words: list[str]
) -> None:
    assert_one_line(livestream(*arguments, **settings), ASKED_WRONGLY, *words)


def test_a_room_that_is_not_there(livestream: Shell, served: Served) -> None:
    for command in ("verify", "report", "export"):
        ran = livestream(command, "nowhere", redis_url=served.redis_url)
        assert_one_line(ran, NOT_THERE, "nowhere")


def test_a_redis_that_is_not_there(livestream: Shell) -> None:
    assert_one_line(livestream("verify", "soiree", "--redis", NOBODY_THERE), NOT_THERE, "Redis")


def test_a_machine_with_no_data(livestream: Shell, free_dir: Path) -> None:
    assert_one_line(livestream("verify", "soiree", var_dir=free_dir), NOT_THERE, str(free_dir))
    assert not list(free_dir.iterdir()), "looking leaves nothing"


def test_data_that_another_run_uses(served: Served) -> None:
    ran = run_command(
        *("serve", "--control-port", "0", "--gateway-port", "0"), var_dir=served.directory / "var"
    )
    assert_one_line(ran, NOT_THERE, "in use", str(served.program.pid))
    assert served.program.runs


def test_a_port_that_the_gateways_of_another_run_share(served: Served, free_dir: Path) -> None:
    port = served.gateway_urls()[0].rpartition(":")[2]
    ran = run_command("serve", "--control-port=0", f"--gateway-port={port}", var_dir=free_dir)
    assert_one_line(ran, ASKED_WRONGLY, "gateway", f"127.0.0.1:{port}")


def test_a_port_that_another_program_uses(free_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        free = {"control": "0", "gateway": "0"}
        for role in free:
            given = {**free, role: port}
            ports = [f"--{name}-port={number}" for name, number in given.items()]
            ran = run_command("serve", *ports, var_dir=free_dir)
            assert_one_line(ran, ASKED_WRONGLY, role, f"127.0.0.1:{port}")
        for role in ("engine", "control", "gateway"):
            alone: dict[str, object] = {f"{role}_port": port, "var_dir": free_dir}
            ran = run_command(role, redis_url=NOBODY_THERE, secret=SECRET, **alone)
            last = ran.err.splitlines()[-1]
            assert (ran.status, "Traceback" in ran.err) == (ASKED_WRONGLY, False)
            assert f"{role}: cannot listen on 127.0.0.1:{port}" in last


def test_a_show_with_mistakes_names_file_line_and_mistake_before_anything_starts(
    livestream: Shell, free_dir: Path
) -> None:
    script = free_dir / "show.yaml"
    script.write_text("title: An evening\ncues:\n  - at: 5s\n    anounce: Hello\n")
    for command in (["show", "check"], ["show", "run"]):
        ran = livestream(*command, str(script), var_dir=free_dir)
        assert (ran.status, ran.out) == (ASKED_WRONGLY, "")
        assert "Traceback" not in ran.err
        assert f"{script}:" in ran.err
        assert ":4" in ran.err, "the line"
        assert "anounce" in ran.err
    assert list(free_dir.iterdir()) == [script], "nothing was started"


def test_a_health_check_says_who_is_well(livestream: Shell, served: Served) -> None:
    control_port = served.control_url.rpartition(":")[2]
    gateway_port = served.gateway_urls()[0].rpartition(":")[2]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        engine_port = nobody.getsockname()[1]  # bound, and nobody listens
        ports = {"control_port": control_port, "gateway_port": gateway_port}
        ran = livestream("healthcheck", engine_port=engine_port, **ports)
        assert (ran.status, ran.out) == (0, "control: ok\ngateway: ok\n")
        nowhere = {f"{role}_port": engine_port for role in ("control", "gateway", "engine")}
        assert livestream("healthcheck", **nowhere).status == 1
