"""`Host`: the desk's side of the evening, through the control API."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import gevent
from locust import constant, task
from locust.exception import StopUser

from loadtest.evening import DeskError, Visitor

SKU: Final = "santos-dumont"
PRICE_MINOR: Final = 2_880_000
#: From the announcement of the drop to its opening, by the server's clock.
COUNTDOWN_MS: Final = 3_000
#: Shares of the show: by when the drop is announced even if not everybody is here yet, and when the
#: show ends. The rest is for its end to reach everybody.
ANNOUNCED_BY: Final = 0.5
ENDS_AT: Final = 0.85
LOOK_AGAIN_S: Final = 0.25


class Host(Visitor):
    """Creates and starts the room, shows a card, waits for the house to fill, schedules a drop that
    opens by the clock, and ends the show when its time has come.

    Refuses to open the drop by hand, and to use a room whose show is over: stops the test then.
    """

    fixed_count = 1
    wait_time = constant(1)

    @task
    def run_the_show(self) -> None:
        """The whole evening, once."""
        evening, started_s = self.evening, time.monotonic()
        try:
            room = self.create_room("Load test")
            if room["status"] == "ended":
                raise DeskError(f"the show in {evening.room} is over: name another --room")
            if room["status"] == "created":
                self.desk("POST", "start")
            self._show_card()
            self._wait(started_s + ANNOUNCED_BY * evening.show_s, self._house_is_full)
            self._schedule()
            self._wait(started_s + ENDS_AT * evening.show_s, lambda: False)
            self.desk("POST", "end")
        except DeskError as error:
            print(f"host: {error}", flush=True)
            self.environment.process_exit_code = 1
            if self.environment.runner is not None:
                gevent.spawn(self.environment.runner.quit)
        raise StopUser

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
        evening = self.evening
        drop = {
            "drop_id": "drop",
            "sku": SKU,
            "title": "Santos-Dumont, limited",
            "supply": evening.supply,
            "price_minor": PRICE_MINOR,
            "currency": "CNY",
            "opens_at_ms": round(evening.clock.now_ms()) + COUNTDOWN_MS,
            "limit_per_viewer": 1,
            "perk": {"name": "bellboy", "first_n": max(1, evening.supply // 3)},
        }
        self.desk("POST", "drops", drop)

    def _house_is_full(self) -> bool:
        ledger = self.desk("GET", "")["ledger"]
        return ledger is not None and ledger["audience"]["viewers"] >= self.evening.viewers

    def _wait(self, until_s: float, enough: Callable[[], bool]) -> None:
        while time.monotonic() < until_s and not enough():
            gevent.sleep(LOOK_AGAIN_S)
