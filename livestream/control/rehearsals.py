"""Rehearsals from the panel: one at a time for each control server, each a process of its own.

Hundreds of simulated people would keep this process from its desks, so they live in a child, which
is tied to it (`livestream.tether`): it is given a plan, tells how far it is, and ends. What it
tells is kept for the last few.

Owns those processes and what is known of them. Refuses to know how a show is rehearsed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections import OrderedDict
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from cart.outcome import ErrorCode
from livestream import tether
from livestream.clock import now_ms
from livestream.control.context import CONTROL, Answer, Call, Control
from livestream.control.problems import STATUS_OF, Problem, invalid, not_found
from livestream.control.views import RehearsalList, RehearsalView, RehearsalWanted
from livestream.show import Show, parse_show
from livestream.show.rehearsal import (
    Failure,
    Outcome,
    Plan,
    Step,
    Told,
    read_told,
    rehearsal_room,
)
from livestream.tickets import HostToken, issue_host_token

log = structlog.get_logger()

#: Rehearsals that are remembered: 8 x (an audit of 8 KB, figures, cues) = 100 KB.
KEPT: Final = 8
CUES_KEPT: Final = 8
#: Mistakes of a show that are told at once.
MISTAKES_TOLD: Final = 20
#: A token for the process outlives the longest show, at a tenth of its speed even.
TOKEN_MS: Final = 12 * 3_600_000
#: One line of the process: the verdict is the longest, some 10 KB.
LINE_BYTES_MAX: Final = 1 << 20
#: Asked to stop, it wipes and ends within seconds; then it is killed.
STOP_WITHIN_S: Final = 30.0
#: When this server stops, nothing can be wiped through it any more.
SHUTDOWN_WITHIN_S: Final = 1.0


class Rehearsal:
    """One rehearsal and its process."""

    def __init__(self, view: RehearsalView) -> None:
        self.view = view
        self.process: asyncio.subprocess.Process | None = None
        self.following: asyncio.Task[None] | None = None
        self.killing: asyncio.Task[None] | None = None  # kept, or it may be collected unfinished

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.view["state"] in ("running", "stopping")

    def hear(self, told: Told) -> None:
        """What the process says."""
        view = self.view
        match told:
            case Step():
                view["phase"] = told.phase
                view["here"] = told.here
                view["at_ms"] = told.at_ms or view["at_ms"]
                view["duration_ms"] = told.duration_ms or view["duration_ms"]
                view["orders_paid"] = max(view["orders_paid"], told.orders_paid)
                if told.cue:
                    view["cues"] = [*view["cues"], told.cue.strip()][-CUES_KEPT:]
            case Outcome():
                view["state"] = "done"
                view["wiped"] = told.wiped
                view["outcome"] = {
                    "clean": told.clean,
                    "audit": told.audit,
                    "figures": [{"name": f.name, "value": f.value} for f in told.figures],
                    "not_done": told.not_done,
                }
            case Failure():
                view["state"] = "failed"
                view["reason"] = told.reason
                view["wiped"] = told.wiped


class Rehearsals:
    """Those of this server."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Rehearsal] = OrderedDict()
        self._starting = False

    def all(self) -> list[RehearsalView]:
        """The last one first."""
        return [rehearsal.view for rehearsal in reversed(self._known.values())]

    def find(self, room: str) -> Rehearsal | None:
        """The rehearsal in this room, if it is remembered."""
        return self._known.get(room)

    @property
    def is_busy(self) -> bool:
        """Whether one is under way."""
        return self._starting or any(known.running for known in self._known.values())

    async def start(self, plan: Plan, view: RehearsalView) -> Rehearsal:
        """Begin one; none is under way."""
        self._starting = True
        try:
            rehearsal = Rehearsal(view)
            rehearsal.process = await _spawn(plan)
        finally:
            self._starting = False
        rehearsal.following = asyncio.create_task(_follow(rehearsal))
        self._known[plan.room] = rehearsal
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        log.info("rehearsal.started", room=plan.room, viewers=plan.viewers, speed=plan.speed)
        return rehearsal

    async def close(self) -> None:
        """This server stops."""
        for known in list(self._known.values()):
            if known.running and known.process is not None:
                with suppress(ProcessLookupError):
                    known.process.kill()
            if known.killing is not None:
                known.killing.cancel()
            if known.following is not None:
                await asyncio.wait({known.following}, timeout=SHUTDOWN_WITHIN_S)


async def _spawn(plan: Plan) -> asyncio.subprocess.Process:
    tether.require_main_thread("start a rehearsal")
    tie = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
    # Its numbers are not this installation's.
    env = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    process = await asyncio.create_subprocess_exec(
        *tie,
        *(sys.executable, "-m", "livestream.rehearsal"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=env,
        limit=LINE_BYTES_MAX,
    )
    assert process.stdin is not None, "asked for"
    process.stdin.write(msgspec.json.encode(plan) + b"\n")
    await process.stdin.drain()
    return process


async def _follow(rehearsal: Rehearsal) -> None:
    """Hear what the process tells until it ends."""
    process = rehearsal.process
    assert process is not None, "it was started"
    assert process.stdout is not None, "asked for"
    async for line in process.stdout:
        try:
            rehearsal.hear(read_told(line))
        except msgspec.DecodeError:
            log.warning("rehearsal.unreadable", line=line[:200].decode(errors="replace"))
    status = await process.wait()
    if rehearsal.running:
        rehearsal.hear(Failure(f"its process ended with status {status}; its room may be there"))
    view = rehearsal.view
    log.info("rehearsal.ended", room=view["room"], state=view["state"], wiped=view["wiped"])


async def _kill_later(rehearsal: Rehearsal) -> None:
    assert rehearsal.following is not None, "it was started"
    assert rehearsal.process is not None, "it was started"
    _, late = await asyncio.wait({rehearsal.following}, timeout=STOP_WITHIN_S)
    if late:
        with suppress(ProcessLookupError):
            rehearsal.process.kill()


def register(app: web.Application) -> None:
    """End what is under way when the server stops."""

    async def close(app: web.Application) -> None:
        await app[CONTROL].rehearsals.close()

    app.on_shutdown.append(close)


# -- the calls -----------------------------------------------------------------------------------


async def start_rehearsal(control: Control, call: Call) -> Answer | Problem:
    """Rehearse a show: in a sandbox room, before simulated people, at up to 20 times its speed. It
    goes on by itself; ask for it to see how far it is. One at a time for each control server.
    """
    wanted: RehearsalWanted = call.body
    assert call.token is not None, "the route is not public"
    read = await asyncio.to_thread(parse_show, "show", wanted.show.encode())
    if not isinstance(read, Show):
        more = len(read) - MISTAKES_TOLD
        lines = [f"line {mistake.line}: {mistake.what}" for mistake in read[:MISTAKES_TOLD]]
        return invalid("\n".join([*lines, *([f"and {more} more"] if more > 0 else [])]))
    if control.rehearsals.is_busy:
        busy = ErrorCode.CONFLICT
        return Problem(STATUS_OF[busy], "a rehearsal is under way: wait for it, or stop it", busy)
    seed = secrets.randbelow(2**32)
    room = rehearsal_room(read.title, f"{seed:08x}")
    began_ms = now_ms()
    token = HostToken("rehearsal", "host", began_ms + TOKEN_MS)
    assert control.settings.redis_url is not None, "the command line fills it in"
    plan = Plan(
        room=room,
        show=wanted.show,
        control_url=_own_address(call.request),
        redis_url=control.settings.redis_url,
        token=issue_host_token(control.secret, token),
        viewers=wanted.viewers,
        buyers=wanted.buyers,
        speed=wanted.speed,
        keep=wanted.keep,
        seed=seed,
    )
    view: RehearsalView = {
        "room": room,
        "title": read.title,
        "by": call.token.name,
        "started_at_ms": began_ms,
        "viewers": wanted.viewers,
        "buyers": wanted.buyers,
        "speed": wanted.speed,
        "keep": wanted.keep,
        "state": "running",
        "phase": "gathering",
        "at_ms": 0,
        "duration_ms": read.faster(wanted.speed).duration_ms,
        "here": 0,
        "orders_paid": 0,
        "cues": [],
        "outcome": None,
        "reason": None,
        "wiped": False,
    }
    rehearsal = await control.rehearsals.start(plan, view)
    return Answer(rehearsal.view, 202)


def _own_address(request: web.Request) -> str:
    """Where this very process can be reached from this machine: where the request came in."""
    assert request.transport is not None, "the request is being answered"
    address: Any = request.transport.get_extra_info("sockname")
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def list_rehearsals(control: Control, call: Call) -> Answer | Problem:
    """The rehearsals of this control server, the last one first."""
    body: RehearsalList = {"rehearsals": control.rehearsals.all()}
    return Answer(body)


async def stop_rehearsal(control: Control, call: Call) -> Answer | Problem:
    """Stop a rehearsal that is under way: it wipes its room, unless that is to be kept; and
    ends.
    """
    rehearsal = control.rehearsals.find(call.path["rehearsal"])
    if rehearsal is None:
        return not_found(f"no rehearsal {call.path['rehearsal']}")
    if rehearsal.view["state"] == "running" and rehearsal.process is not None:
        rehearsal.view["state"] = "stopping"
        with suppress(ProcessLookupError):
            rehearsal.process.send_signal(signal.SIGTERM)
        rehearsal.killing = asyncio.create_task(_kill_later(rehearsal))
    return Answer(rehearsal.view, 202)
