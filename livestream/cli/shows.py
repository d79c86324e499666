"""Commands that play shows: on a running server, in a sandbox, in a demo.

Owns what they print. Refuses to know how a show is played.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from livestream import logs
from livestream.cli.options import (
    COMMON,
    LISTENING,
    STATUS_ASKED_WRONGLY,
    STATUS_NO,
    STATUS_NOT_THERE,
    Api,
    Common,
    GivenToken,
    Listening,
    NotThereError,
    app,
    show_app,
)
from livestream.cli.tickets import host_token
from livestream.config import SettingsError
from livestream.serve import read_addresses
from livestream.show import SCHEMA_FILE, Show, load_show, new_show, show_schema


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
    api: Api = None,
    token: GivenToken = None,
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

    signed = token or host_token(settings, "show", "host", hours=12)
    try:
        played = asyncio.run(run_show(script, api_url, signed, name, speed, report))
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
    api: Api = None,
    token: GivenToken = None,
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
        "token": token or host_token(settings, "rehearsal", "host", hours=12),
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
