"""`Host`: the desk's side of the evening, through the control API."""

from __future__ import annotations

from typing import Final

import gevent
from locust import constant, task
from locust.exception import StopUser

from loadtest.evening import DeskError, Visitor

SKU: Final = "santos-dumont"
PRICE_MINOR: Final = 2_880_000
#: From the announcement of a drop to its opening, by the server's clock. What nobody has heard of
#: when it opens is no drop: a full house needs some 10 s to hear anything.
COUNTDOWN_MS: Final = 3_000
COUNTDOWN_MS_OF_EACH_VIEWER: Final = 0.02
PERK_SHARE: Final = 88 / 288
LOOK_AGAIN_S: Final = 0.1


class Host(Visitor):
    """Creates and starts the room, and does what the shape's cues say: shows a card, schedules a
    drop that opens by the clock, ends the show.

    Refuses to open a drop by hand, and to use a room whose show is over: stops the test then.
    """

    fixed_count = 1
    wait_time = constant(LOOK_AGAIN_S)

    def on_start(self) -> None:
        """Open the room."""
        self._waiting: list[str] = []
        self._drops = 0
        self.evening.ears.append(self._waiting.append)
        try:
            room = self.create_room("Load test")
            if room["status"] == "ended":
                raise DeskError(f"the show in {self.evening.room} is over: name another --room")
            if room["status"] == "created":
                self.desk("POST", "start")
        except DeskError as error:
            self._give_up(error)

    @task
    def heed(self) -> None:
        """The next cue, if there is one."""
        if not self._waiting:
            return
        try:
            match self._waiting.pop(0):
                case "card":
                    self._show_card()
                case "drop":
                    self._schedule()
                case "end":
                    self.desk("POST", "end")
        except DeskError as error:
            self._give_up(error)

    def _show_card(self) -> None:
        card = {
            "title": "Santos-Dumont",
            "sku": SKU,
            "price_minor": PRICE_MINOR,
            "currency": "CNY",
        }
        self.desk("PUT", "cards/watch", card)
        self.desk("PUT", "pin", {"card_id": "watch"})

    def _schedule(self) -> None:
        """A drop of its own SKU each time: what was sold is not sold again."""
        evening = self.evening
        self._drops += 1
        countdown_ms = COUNTDOWN_MS + round(evening.viewers * COUNTDOWN_MS_OF_EACH_VIEWER)
        drop = {
            "drop_id": f"drop-{self._drops}",
            "sku": f"{SKU}-{self._drops}",
            "title": "Santos-Dumont, limited",
            "supply": evening.supply,
            "price_minor": PRICE_MINOR,
            "currency": "CNY",
            "opens_at_ms": round(evening.clock.now_ms()) + countdown_ms,
            "limit_per_viewer": 1,
            "perks": [
                {
                    "perk_id": "bellboy",
                    "name": "Bellboy delivery",
                    "first_n": max(1, round(evening.supply * PERK_SHARE)),
                }
            ],
        }
        self.desk("POST", "drops", drop)

    def _give_up(self, error: DeskError) -> None:
        print(f"host: {error}", flush=True)
        self.evening.fail(f"host: {error}")
        gevent.sleep(0)
        raise StopUser
