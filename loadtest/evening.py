"""What all users of one load process share: the room, the desk's token, the clock, the figures.

Owns asking the desk, and telling viewers apart. Refuses to know what anybody does with it.
"""

from __future__ import annotations

import itertools
import secrets
import time
from typing import Any, ClassVar, Final
from urllib.parse import quote

import gevent
from gevent.lock import RLock
from locust import FastHttpUser
from locust.env import Environment

from loadtest.figures import Figures, ServerClock
from loadtest.hearing import Hearing

SHOW_S_DEFAULT: Final = 60
#: For the host to make the room, which may be in another process.
ROOM_WITHIN_S: Final = 20.0
LOOK_AGAIN_S: Final = 0.1


class DeskError(Exception):
    """The control API refused what the test cannot go on without."""


class Evening:
    """One test in one process; `environment` is Locust's, with the options of `locustfile`."""

    def __init__(self, environment: Environment) -> None:
        options: Any = environment.parsed_options
        self.room: Final[str] = options.room
        self.viewers: Final[int] = options.viewers
        self.supply: Final[int] = options.supply
        self.crowd_size: Final[int] = options.crowd_size
        self.sample: Final[int] = options.sample
        #: In Locust's web page a test may go on for ever; the show does not.
        self.show_s: Final[float] = options.run_time or SHOW_S_DEFAULT
        self.figures: Final = Figures(environment)
        self.hearing: Final = Hearing()
        self.clock: Final = ServerClock()
        #: The room is there. Found out by the first who comes; the others wait behind.
        self.is_open = False
        self.door: Final = RLock()
        self.token: Final[str] = options.host_token
        # Workers of one test must not send the same viewer twice.
        self._process: Final = secrets.token_hex(3)
        self._numbers: Final = itertools.count(1)

    def new_viewer(self, channel: str) -> str:
        """An id that no other viewer of the test has."""
        return f"{channel}-{self._process}-{next(self._numbers)}"


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
        told = self.desk("POST", "tickets", {"viewer": viewer, "channel": channel, "name": viewer})
        return told["gateway_url"], told["ticket"]

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
