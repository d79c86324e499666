"""What a rehearsal is asked for, and what is told of it: the words between whoever wants one (the
command line, the control server) and the process that plays it. Pure.

    Plan     one line of JSON into the process
    Told     lines of JSON out of it, each a `Step`, and at last an `Outcome` or a `Failure`

Owns these shapes and their bounds. Refuses to know who plays, and where.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from livestream.tickets import RoomId

#: Simulated people of one rehearsal, each with a socket of its own: 2,000 x about 60 KB = 120 MB.
VIEWERS_MAX = 2_000
#: Faster than this, a minute of the show is three seconds, and cues follow each other quicker than
#: they are answered.
SPEED_MAX = 20.0
#: A show of 1,000 cues in flow style is about 60 KB; one with texts at their bounds 500 KB.
SHOW_BYTES_MAX = 256 * 1024
#: As `cart.bounds.Title`; and of a room's 64 characters so many are left for the show's name.
TITLE_MAX = 120
ROOM_WORD_MAX = 40

Viewers = Annotated[
    int, Meta(ge=1, le=VIEWERS_MAX, description="simulated people who come to watch")
]
Buyers = Annotated[int, Meta(ge=0, le=VIEWERS_MAX, description="how many of them mean to buy")]
Speed = Annotated[
    float,
    Meta(gt=0, le=SPEED_MAX, description="how many times as fast everything in the show goes"),
]

#: Where a rehearsal is: people come, the show runs, they leave, the log is judged, the room goes.
Phase = Literal["gathering", "playing", "leaving", "judging", "wiping"]


class Plan(Struct, frozen=True, kw_only=True):
    """One rehearsal. `show` is the text of the show's file; `redis_url` is for the auditor."""

    room: RoomId
    show: str
    control_url: str
    redis_url: str
    token: str
    viewers: Viewers = 60
    buyers: Buyers | None = None
    speed: Speed = 10.0
    keep: bool = False
    seed: int = 0

    def __repr__(self) -> str:
        return f"Plan({self.room}, viewers={self.viewers}, speed={self.speed:g})"


class Step(Struct, frozen=True, tag_field="type", tag="step"):
    """How far it is. `at_ms` counts from the start of the rehearsal's own, faster show (below 0:
    before it), and so does `duration_ms`; `cue` is what the host did just now.
    """

    phase: Phase
    at_ms: int = 0
    duration_ms: int = 0
    here: int = 0
    orders_paid: int = 0
    cue: str = ""


class Figure(Struct, frozen=True):
    """One of the main figures, as people read it."""

    name: str
    value: str


class Outcome(Struct, frozen=True, tag_field="type", tag="outcome"):
    """The end: what the auditor says of the log, the main figures, and what went otherwise than
    the show's author meant. `wiped` False: the room is kept.
    """

    clean: bool
    audit: str
    figures: list[Figure]
    not_done: list[str]
    wiped: bool


class Failure(Struct, frozen=True, tag_field="type", tag="failure"):
    """It could not be played to its end, and why. `wiped` False: the room may be there still."""

    reason: str
    wiped: bool = False


Told = Step | Outcome | Failure

_told: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)


def read_told(line: bytes) -> Told:
    """A line of the process.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _told.decode(line)


def rehearsal_room(name: str, draw: str) -> str:
    """A name for the room of a rehearsal of the show called `name`; `draw` makes it another one
    each time.
    """
    word = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:ROOM_WORD_MAX] or "show"
    return f"rehearsal-{word}-{draw}"


def rehearsal_title(title: str) -> str:
    """What its room is called, within the bounds of a title."""
    return f"Rehearsal: {title}"[:TITLE_MAX]
