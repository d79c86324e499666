"""The load test: one host, shoppers, viewers and crowds before a running `livestream serve`.

    locust -f loadtest/locustfile.py --host http://127.0.0.1:8080 --shape the_drop --viewers 1000

`--host` is the control server; the host token comes by `--host-token` or LOADTEST_HOST_TOKEN.
`make load` starts everything and does this. Spread over processes by `--processes 4`, over machines
by `--master` and `--worker`: those are Locust's own. Everybody holds a real websocket.

Owns options, who comes, what workers and master tell each other, and the exit status: 1 when a
viewer missed an announcement, somebody did not come in, or the host could not go on. Refuses to
know what users do.
"""

from __future__ import annotations

import itertools
import json
import math
import resource
from pathlib import Path
from typing import Any, Final

import gevent
from locust import events, runners
from locust.env import Environment

from loadtest.book import Library, summary
from loadtest.crowd import Crowd
from loadtest.evening import Evening, Visitor
from loadtest.host import Host
from loadtest.options import add_options
from loadtest.shapes import CUE, SHAPES, EveningShape
from loadtest.shopper import Shopper
from loadtest.usher import Usher
from loadtest.viewer import Viewer

__all__ = ["Crowd", "Host", "Shopper", "Viewer"]

BOOK: Final = "loadtest.book"
TICK_S: Final = 1.0
#: And how often, in ticks, the master hears of it.
TELL_EVERY: Final = 3
PROGRESS_S: Final = 5.0
#: Units for each shopper, so that the drop sells out; at most 288, the drop of the show.
SUPPLY_PER_SHOPPER: Final = 0.72
SUPPLY_MAX: Final = 288
#: People and shoppers by default: 100 KiB and two greenlets each.
FEW: Final = 200
FEW_IN_A_FULL_HOUSE: Final = 20
CROWD: Final = 400
CROWD_IN_A_FULL_HOUSE: Final = 1_000
#: A line of chat goes to everybody: so many deliveries a second leave the machine some rest.
CHAT_DELIVERIES_PER_S: Final = 10_000
CHAT_PER_S_MAX: Final = 0.5
#: On a machine that is full, a worker may be silent for longer than Locust's 3 s, and is well.
runners.HEARTBEAT_LIVENESS = 120
runners.MASTER_HEARTBEAT_TIMEOUT = 300
runners.WORKER_REPORT_INTERVAL = 3.0

library = Library()


def invite(environment: Environment, **_: Any) -> None:
    """Say how many of each come, give them what they share, and learn who hears whom."""
    resource.setrlimit(resource.RLIMIT_NOFILE, 2 * (resource.getrlimit(resource.RLIMIT_NOFILE)[1],))
    options: Any = environment.parsed_options
    _count_heads(options)
    kinds = (Host, Shopper, Viewer, Crowd)
    counts = (1, options.shoppers, options.people, options.crowds)
    for kind, count in zip(kinds, counts, strict=True):
        kind.fixed_count = count
    environment.dispatcher_class = Usher
    environment.user_classes = [kind for kind in kinds if kind.fixed_count]
    options.num_users = sum(kind.fixed_count for kind in kinds)
    Visitor.evening = evening = Evening(environment)
    runner = environment.runner
    assert runner is not None, "Locust makes it first"
    is_master = isinstance(runner, runners.MasterRunner)
    if not is_master:
        runner.register_message(CUE, _heed, concurrent=True)
        gevent.spawn(_tick, evening)
    if not isinstance(runner, runners.WorkerRunner):
        runner.register_message(BOOK, _shelve)
        length_s = options.run_time or options.seconds
        shape = SHAPES[options.shape](environment, library, length_s)
        environment.shape_class = shape
        gevent.spawn(_show_progress, shape)


def _count_heads(options: Any) -> None:
    viewers: int = options.viewers
    is_full = options.shape == "full_house"
    few = min(math.ceil(viewers / 10), FEW_IN_A_FULL_HOUSE if is_full else FEW)
    options.shoppers = few if options.shoppers is None else options.shoppers
    if options.people is None:
        options.people = 0 if is_full else few
    rest = max(0, viewers - options.shoppers - options.people)
    if options.crowds is None:
        # Where people come and go evenly, a crowd is a fiftieth of them: it comes as one.
        at_once = options.shape not in ("doors_open", "long_evening")
        size = CROWD_IN_A_FULL_HOUSE if is_full else CROWD
        fewest = math.ceil(rest / (size if at_once else min(size, math.ceil(viewers / 50))))
        # So many that hardly anybody is left over; who is comes to buy.
        options.crowds = min(range(fewest, 3 * fewest // 2 + 1), key=lambda n: rest % max(n, 1))
    options.crowd_size = rest // options.crowds if options.crowds else 0
    options.shoppers += rest - options.crowds * options.crowd_size
    if options.chat_per_s is None:
        options.chat_per_s = min(CHAT_PER_S_MAX, CHAT_DELIVERIES_PER_S / viewers)
    options.runners = min(options.runners, options.crowds * options.crowd_size)
    if options.supply is None:
        buyers = options.shoppers + options.runners
        options.supply = max(1, min(SUPPLY_MAX, int(buyers * SUPPLY_PER_SHOPPER)))


# -- what workers and master tell each other -----------------------------------------------------


def _heed(environment: Environment, msg: Any, **_: Any) -> None:
    evening, cue = Visitor.evening, msg.data["cue"]
    evening.cue(cue)
    if cue == "close":
        _tell(evening, final=True)


def _tick(evening: Evening) -> None:
    """The pulse of a worker: count, and every other time tell."""
    for second in itertools.count():
        gevent.sleep(TICK_S)
        evening.tick()
        if second % TELL_EVERY == 0:
            _tell(evening)


def _tell(evening: Evening, final: bool = False) -> None:
    runner = evening.environment.runner
    if runner is not None:
        runner.send_message(BOOK, {"book": evening.book(final)})


def _shelve(environment: Environment, msg: Any, **_: Any) -> None:
    library.keep(msg.node_id or "local", msg.data["book"])
    if msg.data["book"]["failed"] and not environment.process_exit_code:
        print(msg.data["book"]["failed"], flush=True)
        environment.process_exit_code = 1


def _show_progress(shape: EveningShape) -> None:
    while True:
        gevent.sleep(PROGRESS_S)
        if not shape.played:
            continue
        frames = sum(library.frames().values())
        losses = library.count("lost")
        print(
            f"{shape.played[-1][1]:>16}: {library.here():>9,} here, {frames:>12,} frames, "
            f"{losses:,} losses",
            flush=True,
        )


# -- the end -------------------------------------------------------------------------------------


def compare(environment: Environment, **_: Any) -> None:
    """Who missed what: rows in the tables, figures in a file, and the exit status."""
    runner, options = environment.runner, environment.parsed_options
    assert options is not None, "Locust parses them first"
    if isinstance(runner, runners.WorkerRunner):
        return
    evening, gaps = Visitor.evening, library.gaps()
    rows = library.rows()
    for missed in gaps:
        evening.figures.gap(missed)
    for name in [name for name in rows if name.startswith("ARRIVE")]:
        spread_ms = summary(rows[name])["spread_ms"]
        environment.events.request.fire(
            request_type="SPREAD",
            name=name.removeprefix("ARRIVE "),
            response_time=spread_ms,
            response_length=0,
            exception=None,
            context={},
        )
    joined, lost = library.count("joined"), library.count("lost")
    heard = ", ".join(f"{count:,} {lane}" for lane, count in library.frames().most_common())
    print(
        f"{joined:,} viewers joined; {heard or 'no'} frames, "
        f"{library.count('bytes') / 1e6:,.1f} MB; "
        f"{library.announcements()} announcements, {len(gaps)} gaps, {lost} losses",
        flush=True,
    )
    if options.result is not None:
        Path(options.result).write_text(json.dumps(_result(environment, gaps), indent=1))
    failed = gaps or joined < options.viewers or environment.process_exit_code
    environment.process_exit_code = 1 if failed else 0


def _result(environment: Environment, gaps: list[int]) -> dict[str, Any]:
    options: Any = environment.parsed_options
    shape: Any = environment.shape_class
    rows = library.rows()
    timeline = library.timeline()
    return {
        "shape": options.shape,
        "viewers": options.viewers,
        "in_crowds": options.crowds * options.crowd_size,
        "sample": options.sample,
        "supply": options.supply,
        "runners": options.runners + options.shoppers,
        "load_processes": len(library.books),
        "scenes": shape.played,
        "joined": library.count("joined"),
        "peak": max((here for _, here in timeline), default=0),
        "lost": library.count("lost"),
        "gaps": len(gaps),
        "announcements": library.announcements(),
        "frames": library.frames(),
        "bytes": library.count("bytes"),
        "landmarks": {
            name: library.heard(name.removeprefix("ARRIVE "))
            for name in rows
            if name.startswith("ARRIVE")
        },
        "figures": {name: summary(times) for name, times in sorted(rows.items())},
        "timeline": timeline,
        "arrivals": {
            name.removeprefix("ARRIVE "): sorted(times.items())
            for name, times in rows.items()
            if name.startswith("ARRIVE")
        },
    }


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(invite)
events.test_stop.add_listener(compare)
