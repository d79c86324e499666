"""What commands have in common: the program, its options, its exit statuses.

Owns names and meanings. Refuses to know what a command does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from livestream import __version__
from livestream.config import Settings

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


#: Where a show is played that plays on a server, and as whom.
Api = Annotated[
    str | None,
    Parameter(help="address of the control server (default: the one that runs here)"),
]
GivenToken = Annotated[
    str | None, Parameter(help="host token (default: made with this machine's secret)")
]
