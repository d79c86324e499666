"""`Crowd`: hundreds of viewers in one Locust user, for a full house on a small machine.

A person costs a greenlet or two and a library's connection, some 100 KiB. Those in a crowd are
seats in the hall of their process (`hall`).
"""

from __future__ import annotations

import random
import time
from ipaddress import ip_address
from typing import Any, ClassVar, Final
from urllib.parse import urlencode, urlsplit

import gevent
import msgspec
from gevent import socket as gevent_socket
from locust import constant, task
from locust.exception import StopUser

from livestream import wire
from livestream.messages import ChatSend, CloseCode
from loadtest import frames
from loadtest.chunks import Chunk, Chunks, Heard
from loadtest.errand import Errand
from loadtest.evening import Visitor
from loadtest.figures import LANDMARKS
from loadtest.hall import Hall, Seat
from loadtest.viewer import LINES

COME_BACK_S: Final = (0.1, 1.0)
#: A storm: nobody waits for anybody, as far as the door of one gateway goes.
STORM_AT_THE_DOOR: Final = 4_096


class Crowd(Visitor):
    """Holds `--crowd-size` viewers who join with tickets of their own, watch, run for a drop if
    they are among its `--runners`, and come back by `epoch` and `since` when they lose the line.

    Counts every frame of every viewer and compares what each heard; of what it times it takes a
    sample, one viewer in `--sample`, and its rows say so. What everybody waits for, handshakes and
    answers are timed for all. Refuses to speak TLS.
    """

    channel = "crowd"
    wait_time = constant(1)
    #: One for the process, made by the first crowd in it.
    _hall: ClassVar[Hall | None] = None
    _chunks: ClassVar[Chunks]
    _skus: ClassVar[dict[str, str]] = {}

    def on_start(self) -> None:
        """Send everybody to the door."""
        evening = self.evening
        self._seats: list[Seat] = []
        self._errands: dict[Seat, Errand] = {}
        self._sample = f"1 in {evening.sample}"
        self._leaving = False
        self.wait_for_room()
        self._name = evening.new_viewer(self.channel)
        address = self.gateway()
        url = urlsplit(address)
        if url.scheme != "ws" or url.hostname is None:
            raise StopUser(f"a crowd speaks ws://, not {address}")
        self._path, self._host = url.path, url.netloc
        self.peer = (gevent_socket.gethostbyname(url.hostname), url.port or 80)
        self.source = self._source_address()
        self._hall_here = hall = self._the_hall()
        runners = -(-evening.runners * evening.crowd_size // max(1, evening.viewers))
        self._runs_one_in = evening.crowd_size // runners if runners else 0
        evening.ears.append(self._heed)
        self._tickets: dict[int, str] = {}
        for number in range(evening.crowd_size):
            if self._leaving:
                return
            if evening.secret is None:
                self._tickets[number] = self.ticket(f"{self._name}.{number}", self.channel)[1]
            seat = Seat(self, number, timed=number % evening.sample == 0)
            self._seats.append(seat)
            hall.enter(seat)

    @task
    def watch(self) -> None:
        """All reading is done as it comes; here is what time brings by itself."""
        evening, now_s = self.evening, time.perf_counter()
        for seat, errand in list(self._errands.items()):
            if errand.due_s <= now_s:
                self._hall_here.say(seat, errand.again(now_s))
        share = evening.chat_per_s * evening.crowd_size / max(1, evening.viewers)
        if self._seats and random.random() < share:
            line = ChatSend(id=f"c{int(now_s)}", text=random.choice(LINES))
            seat = random.choice(self._seats)
            self._hall_here.say(seat, wire.encode(msgspec.to_builtins(line)))

    def on_stop(self) -> None:
        """Everybody leaves."""
        self._leaving = True
        if self._heed in self.evening.ears:
            self.evening.ears.remove(self._heed)
        for seat in self._seats:
            self._hall_here.leave(seat)

    def _the_hall(self) -> Hall:
        cls = type(self)
        if cls._hall is None:
            evening = self.evening
            cls._chunks = Chunks(evening.figures, evening.clock)
            cls._hall = Hall(cls._chunks)
            evening.here.append(lambda: cls._hall.here if cls._hall else 0)
            evening.counters.append(cls._chunks.count)
        return cls._hall

    def _source_address(self) -> str:
        """On one machine, an address of our own: a source has some 28,000 ports for one peer."""
        if not ip_address(self.peer[0]).is_loopback:
            return ""
        number = int(self._name.rpartition("-")[2])
        return f"127.{1 + self.evening.process % 250}.{number // 250 % 250}.{number % 250 + 1}"

    def _heed(self, cue: str) -> None:
        if cue == "storm":
            self._hall_here.entering_max = STORM_AT_THE_DOOR
            for seat in self._seats:
                self._hall_here.cut(seat)
        elif cue == "close":
            for seat in self._seats:
                if seat.state == "here" and seat.span is not None:
                    seat.span.stayed = True
                elif seat.span is None:
                    waited_ms = (time.perf_counter() - seat.entered_s) * 1_000
                    self.evening.figures.not_joined("enter", waited_ms, TimeoutError("no welcome"))

    # -- what the hall asks of its party -------------------------------------------------------

    def request(self, seat: Seat) -> bytes:
        """The opening handshake, with a fresh ticket where we can make one."""
        viewer = f"{self._name}.{seat.number}"
        ticket = self.evening.mint(viewer, self.channel) or self._tickets[seat.number]
        query = {"ticket": ticket}
        if seat.span is not None:
            query |= {"epoch": str(seat.epoch), "since": str(seat.span.last)}
        return frames.upgrade_request(self._host, f"{self._path}?{urlencode(query)}", seat.rest)

    def entered(self, seat: Seat, welcome: dict[str, Any]) -> None:
        """In, or in again."""
        evening, again = self.evening, seat.span is not None
        evening.clock.heard(welcome["server_time_ms"])
        now_s = time.perf_counter()
        evening.figures.join("return" if again else "enter", (now_s - seat.entered_s) * 1_000)
        seat.entered_s, seat.live_after = now_s, welcome["seq"]
        if not welcome["resumed"]:
            seat.epoch, seat.span = welcome["epoch"], evening.hearing.begin(welcome["seq"])
            for drop in welcome["snapshot"]["drops"]:
                self._skus[drop["drop_id"]] = drop["sku"]
        errand = self._errands.get(seat)
        if errand is not None and not errand.over:
            self._hall_here.say(seat, errand.words())

    def heard(self, seat: Seat, chunk: Chunk) -> None:
        """What everybody hears."""
        span = seat.span
        if span is None:
            return
        if chunk.seqs:
            if self.evening.hearing.all_heard(span, chunk.seqs):
                for turn in chunk.turns:
                    self._turn(seat, turn)
            else:
                for each in chunk.heard:
                    if each.seq and self.evening.hearing.heard(span, each.seq):
                        self._turn(seat, each)
        if seat.timed:
            now_ms = self.evening.clock.now_ms()
            for each in chunk.heard:
                if each.sent_ms and (not each.seq or each.seq > seat.live_after):
                    name = f"{each.lane} ({self._sample})"
                    self.evening.figures.delivery(name, now_ms - each.sent_ms, each.size)

    def _turn(self, seat: Seat, heard: Heard) -> None:
        """An announcement that may mean more than its number."""
        evening, kind = self.evening, heard.kind
        if kind in LANDMARKS:
            live = heard.seq > seat.live_after
            late_ms = evening.clock.now_ms() - heard.sent_ms if live else None
            evening.figures.landmark(kind, late_ms, heard.size)
        if kind == "drop.opened":
            self._run(seat, heard.frame["drop_id"])
        elif kind == "drop.scheduled":
            self._skus[heard.frame["drop"]["drop_id"]] = heard.frame["drop"]["sku"]
        elif kind == "epoch.started":
            seat.epoch = heard.frame["epoch"]
        elif kind == "room.ended":
            evening.hearing.ended(heard.seq)

    def _run(self, seat: Seat, drop_id: str) -> None:
        sku = self._skus.get(drop_id)
        if sku is None or not self._runs_one_in or seat.number % self._runs_one_in:
            return
        errand = self._errands[seat] = Errand(drop_id, sku, time.perf_counter())
        self._hall_here.say(seat, errand.words())

    def told(self, seat: Seat, frame: dict[str, Any], size: int) -> None:
        """Answers, and what became of an order."""
        errand = self._errands.get(seat)
        if errand is None:
            return
        now_s, figures = time.perf_counter(), self.evening.figures
        if frame["type"] == "reply":
            words = errand.reply(frame, figures, now_s)
            if words is not None:
                self._hall_here.say(seat, words)
        elif "order_id" in frame:
            errand.order(frame["type"], frame["order_id"], figures, now_s)
        if errand.over:
            del self._errands[seat]

    def lost(self, seat: Seat, code: int, was_here: bool, age_ms: float) -> bool:
        """Whether the viewer comes back, in a moment; only who was shown out does not."""
        if was_here:
            self.evening.figures.loss(code, age_ms)
        if self._leaving or code in (CloseCode.BANNED, CloseCode.TICKET_EXPIRED):
            return False
        gevent.spawn_later(random.uniform(*COME_BACK_S), self._hall_here.enter, seat)
        return True
