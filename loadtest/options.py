"""What can be said to the load test on the command line; each option has a variable LOADTEST_… too.

Owns names, defaults and help. Refuses to know what follows from them.
"""

from __future__ import annotations

from typing import Any

from loadtest.shapes import SHAPES


def add_options(parser: Any) -> None:
    """Sizes and addresses, as Locust's custom arguments."""

    def option(name: str, help_: str, **more: Any) -> None:
        variable = f"LOADTEST_{name.upper().replace('-', '_')}"
        parser.add_argument(f"--{name}", env_var=variable, help=help_, **more)

    option("host-token", "token of the desk (livestream token NAME)", required=True, is_secret=True)
    option(
        "secret",
        "the installation's secret: crowds then make their tickets themselves (default: the "
        "control API is asked for each)",
        default=None,
        is_secret=True,
    )
    option("room", "room id", default="load")
    option("shape", "what happens", choices=list(SHAPES), default="the_drop")
    option("viewers", "viewers in all", type=int, default=1_000)
    option("seconds", "length of the evening at most", type=int, default=60)
    option("shoppers", "of these, who come to buy (default: a tenth, some at most)", type=int)
    option("people", "who watch one by one, chat and like (default: as many)", type=int)
    option("crowds", "users that share the rest (default: one for every 400)", type=int)
    option("runners", "of those in crowds, who run for a drop", type=int, default=0)
    option("chat-per-s", "lines that crowds say in a second (default: by size)", type=float)
    option("supply", "units of a drop", type=int)
    option("sample", "in crowds, time the arrivals of one viewer in so many", type=int, default=20)
    option("result", "file for the figures, as JSON")
