"""`livestream demo`: from nothing to a verdict, and back to nothing.

Owns the life of a demo as a whole, and its exit status: 0 when the auditor and the crowd agree that
all is well, 1 when they do not, 2 when the show file is wrong, 3 when the server does not come up,
130 when it was interrupted before the verdict.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from pathlib import Path

import uvloop
from redis.exceptions import RedisError
from rich.console import Console

from livestream.clock import now_ms
from livestream.config import Settings
from livestream.demo.house import House, HouseError
from livestream.demo.play import Options, play
from livestream.demo.result import DemoResult
from livestream.demo.screen import TerminalScreen
from livestream.serve import Addresses
from livestream.show import Show, load_show
from livestream.show.runner import ShowStoppedError
from livestream.tickets import HostToken, issue_host_token

DEFAULT_SHOW = "santos-dumont.yaml"
TOKEN_HOURS = 12

STATUS_CLEAN = 0
STATUS_NOT_CLEAN = 1
STATUS_WRONG_SHOW = 2
STATUS_NO_SERVER = 3
STATUS_INTERRUPTED = 130


def run_demo(
    settings: Settings,
    viewers: int = 300,
    show: Path | None = None,
    exit_when_done: bool = False,
    seed: int | None = None,
) -> int:
    """Play `show` (the Santos-Dumont evening if None) to `viewers` and return the exit status.

    From the main thread. Prints to standard output. Unless `exit_when_done`, the server stays up
    afterwards until Ctrl-C.
    """
    path = show or _default_show()
    script = load_show(path)
    if not isinstance(script, Show):
        for mistake in script:
            print(mistake, file=sys.stderr)
        return STATUS_WRONG_SHOW
    if seed is None:
        seed = random.SystemRandom().randrange(2**32)
    screen = TerminalScreen(Console())
    # Whoever ends us politely gets the same tidy end as Ctrl-C.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    status = STATUS_INTERRUPTED
    try:
        with House(settings) as house:
            addresses = house.wait_ready()
            options = _options(house.settings, addresses, path.stem, script, viewers, seed)
            screen.open(options, addresses, house.directory)
            result = _run(options, screen, house)
            screen.close(result)
            status = STATUS_CLEAN if result.clean else STATUS_NOT_CLEAN
            if not exit_when_done:
                screen.say("\nThe server is still up: look around. Ctrl-C to leave.")
                while True:
                    time.sleep(1)
                    house.check()
    except KeyboardInterrupt:
        return status
    except (HouseError, ShowStoppedError, RedisError) as error:
        print(f"livestream demo: {error}", file=sys.stderr)
        return STATUS_NO_SERVER
    finally:
        signal.signal(signal.SIGTERM, before)
    return status


def _run(options: Options, screen: TerminalScreen, house: House) -> DemoResult:
    try:
        with screen, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_play(options, screen))
    except (ShowStoppedError, RedisError):
        house.check()  # if the server ended, that is what went wrong
        raise


async def _play(options: Options, screen: TerminalScreen) -> DemoResult:
    """`play`, ended by SIGTERM as by SIGINT, which the runner makes a cancellation."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    return await play(options, screen)


def _options(
    settings: Settings, addresses: Addresses, name: str, show: Show, viewers: int, seed: int
) -> Options:
    expires_at_ms = now_ms() + TOKEN_HOURS * 3_600_000
    token = issue_host_token(settings.signing_key(), HostToken("demo", "host", expires_at_ms))
    # In a Redis of their own, rooms of earlier demos are kept: a show is over only once.
    room = name if settings.redis_url is None else f"{name}-{seed:08x}-{int(time.time())}"
    return Options(
        control_url=addresses.control_url,
        redis_url=addresses.redis_url,
        token=token,
        room=room,
        show=show,
        viewers=viewers,
        seed=seed,
    )


def _default_show() -> Path:
    """In an installed package the shows lie inside it, in a checkout beside it."""
    package = Path(__file__).parents[1]
    inside = package / "shows" / DEFAULT_SHOW
    return inside if inside.exists() else package.parent / "shows" / DEFAULT_SHOW
