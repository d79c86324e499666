"""The load test: one host, shoppers, viewers and crowds before a running `livestream serve`.

    locust -f loadtest/locustfile.py --host http://127.0.0.1:8080 --viewers 1000

`--host` is the control server; the host token comes by `--host-token` or LOADTEST_HOST_TOKEN.
`make load` starts everything and does this. Of the viewers one in ten shops and one in ten is a
person; the rest sit in crowds. Everybody holds a real websocket.

Owns options, who comes, and the exit status: 1 when a viewer missed an announcement, nobody came,
or the host could not go on. Refuses to know what users do.
"""

from __future__ import annotations

import math
from typing import Any

from locust import events
from locust.env import Environment

from loadtest.crowd import Crowd
from loadtest.evening import Evening, Visitor
from loadtest.host import Host
from loadtest.shopper import Shopper
from loadtest.viewer import Viewer

__all__ = ["Crowd", "Host", "Shopper", "Viewer"]

#: So that the drop sells out: units for each shopper.
SUPPLY_PER_SHOPPER = 0.72


def add_options(parser: Any) -> None:
    """Sizes and addresses; each has a variable LOADTEST_… too."""
    parser.add_argument(
        "--host-token",
        env_var="LOADTEST_HOST_TOKEN",
        required=True,
        is_secret=True,
        help="token of the desk (livestream token NAME)",
    )
    parser.add_argument("--room", env_var="LOADTEST_ROOM", default="load", help="room id")
    parser.add_argument(
        "--viewers", type=int, env_var="LOADTEST_VIEWERS", default=1_000, help="viewers in all"
    )
    parser.add_argument(
        "--shoppers",
        type=int,
        env_var="LOADTEST_SHOPPERS",
        default=None,
        help="of these, who come to buy (default: one in ten)",
    )
    parser.add_argument(
        "--people",
        type=int,
        env_var="LOADTEST_PEOPLE",
        default=None,
        help="of these, who watch one by one, chat and like (default: one in ten)",
    )
    parser.add_argument(
        "--supply", type=int, env_var="LOADTEST_SUPPLY", default=None, help="units of the drop"
    )
    parser.add_argument(
        "--crowds",
        type=int,
        env_var="LOADTEST_CROWDS",
        default=None,
        help="users that share the rest (default: one for every 400)",
    )
    parser.add_argument(
        "--sample",
        type=int,
        env_var="LOADTEST_SAMPLE",
        default=20,
        help="in crowds, time the arrivals of one viewer in so many",
    )


def invite(environment: Environment, **_: Any) -> None:
    """Say how many of each come, and give them what they share."""
    options: Any = environment.parsed_options
    viewers: int = options.viewers
    shoppers = math.ceil(viewers / 10) if options.shoppers is None else options.shoppers
    people = math.ceil(viewers / 10) if options.people is None else options.people
    rest = max(0, viewers - shoppers - people)
    crowds = math.ceil(rest / 400) if options.crowds is None else options.crowds
    options.crowd_size = rest // crowds if crowds else 0
    people = max(0, viewers - shoppers - crowds * options.crowd_size)  # the remainder, by itself
    if options.supply is None:
        options.supply = max(1, int(shoppers * SUPPLY_PER_SHOPPER))
    Shopper.fixed_count, Viewer.fixed_count, Crowd.fixed_count = shoppers, people, crowds
    came = [kind for kind in (Host, Shopper, Viewer, Crowd) if kind.fixed_count]
    environment.user_classes = list(came)
    options.num_users = sum(kind.fixed_count for kind in came)
    Visitor.evening = Evening(environment)


def compare(environment: Environment, **_: Any) -> None:
    """Who missed what: a row and an exit status."""
    evening = Visitor.evening
    figures, gaps = evening.figures, list(evening.hearing.gaps())
    for missed in gaps:
        figures.gap(missed)
    heard = ", ".join(f"{count:,} {lane}" for lane, count in figures.frames.most_common())
    print(
        f"{figures.joined:,} viewers joined; {heard or 'no'} frames, "
        f"{figures.bytes / 1e6:,.1f} MB; "
        f"{evening.hearing.announcements()} announcements, {len(gaps)} gaps, {figures.lost} losses",
        flush=True,
    )
    failed = gaps or figures.joined < evening.viewers or environment.process_exit_code
    environment.process_exit_code = 1 if failed else 0


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(invite)
events.test_stop.add_listener(compare)
