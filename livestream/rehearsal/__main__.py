"""The process of a rehearsal: a `Plan` on standard input, what happens as lines on standard output.

Owns its life: SIGTERM and SIGINT stop it, and it wipes before it ends. Its status is 0 when it came
to an outcome, whatever that is; else 1. Whoever starts it ties it to itself (`livestream.tether`).
"""

from __future__ import annotations

import asyncio
import signal
import sys

import msgspec
import uvloop
from redis.exceptions import RedisError

from livestream.rehearsal import rehearse
from livestream.show import Show, parse_show
from livestream.show.rehearsal import Failure, Plan, Told
from livestream.show.runner import ShowStoppedError


def tell(told: Told) -> None:
    """One line out."""
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


async def _run(plan: Plan, show: Show) -> int:
    rehearsal = asyncio.create_task(rehearse(plan, show, tell))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, rehearsal.cancel)
    wiped = not plan.keep
    try:
        tell(await rehearsal)
    except asyncio.CancelledError:
        tell(Failure("it was stopped", wiped))
    except ShowStoppedError as error:
        tell(Failure(str(error)))
    except (RedisError, OSError) as error:
        tell(Failure(f"the log cannot be read: {error}", wiped))
    else:
        return 0
    return 1


def main() -> int:
    """The exit status."""
    try:
        plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    except msgspec.DecodeError as error:
        tell(Failure(f"this is no plan: {error}", wiped=True))
        return 1
    show = parse_show("show", plan.show.encode())
    if not isinstance(show, Show):
        tell(Failure("\n".join(map(str, show)), wiped=True))
        return 1
    return uvloop.run(_run(plan, show))


if __name__ == "__main__":
    sys.exit(main())
