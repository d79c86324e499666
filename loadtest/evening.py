"""What all users of one load process share: the room, the desk's token, the clock, the figures.

Owns asking the desk, telling viewers apart, tickets, the cues of the evening and what this process
tells the master. Refuses to know what anybody does with it.
"""

from __future__ import annotations

import itertools
import random
import secrets
import time
from collections.abc import Callable
from typing import Any, ClassVar, Final
from urllib.parse import quote

import gevent
from gevent.lock import RLock
from locust import FastHttpUser
from locust.env import Environment

from livestream.tickets import Ticket, issue_ticket
from loadtest.book import Book
from loadtest.figures import Figures, ServerClock
from loadtest.hearing import Hearing

#: For the host to make the room, which may be in another process.
ROOM_WITHIN_S: Final = 30.0
LOOK_AGAIN_S: Final = 0.2
#: Who gets no ticket asks again after a part of these: a crowd without one would be 17,000 viewers
#: who never come, because the desk was busy for a minute.
PATIENCE_S: Final = (1.0, 4.0, 10.0, 30.0, 60.0, 60.0)
#: How long a ticket minted here is good for: longer than any evening.
TICKET_TTL_MS: Final = 6 * 3_600_000


class DeskError(Exception):
    """The control API refused what the test cannot go on without."""


class Evening:
    """One test in one process; `environment` is Locust's, with the options of `locustfile`."""

    def __init__(self, environment: Environment) -> None:
        options: Any = environment.parsed_options
        self.environment: Final = environment
        self.room: Final[str] = options.room
        self.supply: Final[int] = options.supply
        self.sample: Final[int] = options.sample
        self.runners: Final[int] = options.runners
        self.viewers: Final[int] = options.viewers
        self.crowd_size: Final[int] = options.crowd_size
        self.chat_per_s: Final[float] = options.chat_per_s
        self.token: Final[str] = options.host_token
        self.secret: Final[str | None] = options.secret
        self.figures: Final = Figures(environment)
        self.hearing: Final = Hearing()
        self.clock: Final = ServerClock()
        #: The room is there. Found out by the first who comes; the others wait behind.
        self.is_open = False
        #: Where gateways are, once somebody has asked.
        self.gateway_url = ""
        self.door: Final = RLock()
        #: Viewers of this process who are in the room now: each kind counts its own.
        self.here: Final[list[Callable[[], int]]] = []
        #: Told of each cue by its name; one who sits in a crowd has no greenlet to wait in.
        self.ears: Final[list[Callable[[str], None]]] = []
        #: Called before a book is written, so that nothing is left uncounted.
        self.counters: Final[list[Callable[[], None]]] = []
        self.people_here = 0
        self.here.append(lambda: self.people_here)
        self.here_by_second: Final[dict[int, int]] = {}
        self.failed = ""
        # Workers of one test must not send the same viewer twice.
        self._process: Final = secrets.token_hex(3)
        self._numbers: Final = itertools.count(1)

    def new_viewer(self, channel: str) -> str:
        """An id that no other viewer of the test has."""
        return f"{channel}-{self._process}-{next(self._numbers)}"

    @property
    def process(self) -> int:
        """Which load process of the test this is, from 0."""
        return max(0, int(getattr(self.environment.runner, "worker_index", 0)))

    def fail(self, why: str) -> None:
        """Somebody cannot go on, and the test with them."""
        self.failed = why
        self.environment.process_exit_code = 1

    # -- cues ----------------------------------------------------------------------------------

    def cue(self, name: str) -> None:
        """The shape says that the time for something has come."""
        for ear in tuple(self.ears):
            ear(name)

    # -- tickets -------------------------------------------------------------------------------

    def mint(self, viewer: str, channel: str) -> str | None:
        """A ticket made here, as a merchant's shop that shares the secret makes them; None without
        the secret.
        """
        if self.secret is None:
            return None
        expires_at_ms = round(self.clock.now_ms()) + TICKET_TTL_MS
        return issue_ticket(self.secret, Ticket(viewer, self.room, channel, viewer, expires_at_ms))

    # -- the book ------------------------------------------------------------------------------

    def tick(self) -> None:
        """Once a second: note who is here, and bring Locust's tables up to date."""
        self.here_by_second[int(time.time())] = sum(count() for count in self.here)
        for count in self.counters:
            count()
        self.figures.pour()

    def book(self, final: bool = False) -> Book:
        """What this process knows, as the master wants it."""
        self.tick()
        figures = self.figures
        gaps = list(self.hearing.gaps()) if final else []
        return Book(
            here_by_second={str(second): here for second, here in self.here_by_second.items()},
            rows=figures.told(),
            frames=dict(figures.frames),
            bytes=figures.bytes,
            landmarks=dict(figures.landmarks),
            joined=figures.joined,
            lost=figures.lost,
            announcements=self.hearing.announcements(),
            spans=len(self.hearing.spans),
            gaps=gaps,
            failed=self.failed,
            final=final,
        )


class Visitor(FastHttpUser):
    """A Locust user who comes to the evening; its `client` speaks to the control API."""

    abstract = True
    #: Set once by `locustfile`, before the first user is made.
    evening: ClassVar[Evening]

    def desk(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the control API about our room, `path` being below it.

        Raises:
            DeskError: the answer is not one of success.
        """
        below = f"/{path}" if path else ""
        url = f"/rooms/{quote(self.evening.room)}{below}"
        return self._request(method, url, f"/rooms/{{room}}{below}", body)

    def create_room(self, title: str) -> dict[str, Any]:
        """The room's `{room, status}`, new or known.

        Raises:
            DeskError: see there.
        """
        return self._request(
            "POST", "/rooms", "/rooms", {"room": self.evening.room, "title": title}
        )

    def wait_for_room(self) -> None:
        """Return when the host has made the room.

        Raises:
            DeskError: it is not there within ROOM_WITHIN_S.
        """
        evening, give_up_at_s = self.evening, time.monotonic() + ROOM_WITHIN_S
        with evening.door:
            while not evening.is_open:
                rooms = self._request("GET", "/rooms", "/rooms")["rooms"]
                evening.is_open = any(room["room"] == evening.room for room in rooms)
                if evening.is_open:
                    return
                if time.monotonic() > give_up_at_s:
                    raise DeskError(f"there is no room {evening.room}")
                gevent.sleep(LOOK_AGAIN_S)

    def ticket(self, viewer: str, channel: str) -> tuple[str, str]:
        """A gateway's address and a ticket for it, as a merchant's shop asks for them.

        Raises:
            DeskError: see there.
        """
        who = {"viewer": viewer, "channel": channel, "name": viewer}
        for patience_s in PATIENCE_S:
            try:
                told = self.desk("POST", "tickets", who)
                break
            except DeskError:  # as when everybody asks at once; minting another does no harm
                gevent.sleep(random.uniform(0, patience_s))
        else:
            told = self.desk("POST", "tickets", who)
        return told["gateway_url"], told["ticket"]

    def gateway(self) -> str:
        """A gateway's address. The first of this process asks for it and tells the others: control
        would be asked by thousands of crowds while all of them come.

        Raises:
            DeskError: see there.
        """
        evening = self.evening
        with evening.door:
            if not evening.gateway_url:
                viewer = evening.new_viewer("asks")
                evening.gateway_url, _ = self.ticket(viewer, "asks")
            return evening.gateway_url

    def _request(
        self, method: str, url: str, name: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.evening.token}"}
        answer: Any = self.client.request(
            method, f"/api/v1{url}", name=name, json=body, headers=headers
        )
        if not 200 <= answer.status_code < 300:
            raise DeskError(f"{method} {url}: {answer.status_code} {answer.text or answer.error}")
        told: dict[str, Any] = answer.json()
        return told
