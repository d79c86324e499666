"""One person at one screen: a session over as many real websockets as it takes.

    on_start   gets a ticket, connects, waits for the welcome
    ask        sends a command, and again under the same id until there is an answer
    cut        loses the line without a word, as in a tunnel
    on_stop    hangs up

The websockets are the `websockets` library's blocking ones: the project has it already, it is
typed, and under Locust its thread for each connection is a greenlet.

Owns the connection and what this screen shows. Refuses to know why anything is done.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import gevent
import msgspec
from gevent.event import AsyncResult, Event
from locust.exception import StopUser
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from livestream import wire
from livestream.messages import SUBPROTOCOL, CloseCode, ViewerMessage
from loadtest.evening import Visitor
from loadtest.figures import LANDMARKS, Lane
from loadtest.hearing import Span

Frame = dict[str, Any]

#: For the welcome: the host may still be opening the room, and a gateway refuses in a rush.
JOIN_S = 20.0
REPLY_TIMEOUT_S = 4.0
#: An engine that was killed is replaced within 5 s; this gives it four times that.
GIVE_UP_S = 20.0
#: A second's silence may mean that something private was said while the line was down.
SILENCE_S = 1.5
BACK_OFF_FIRST_S = 0.1
BACK_OFF_MAX_S = 2.0
CLOSE_TIMEOUT_S = 1.0
#: After a storm, as everybody else.
COME_BACK_S = (0.1, 1.0)

_FINAL = frozenset({CloseCode.BANNED, CloseCode.TICKET_EXPIRED, CloseCode.MISUSE})


class NoAnswerError(Exception):
    """The server did not answer for GIVE_UP_S."""


class Person(Visitor):
    """A viewer with a ticket of the channel `channel`. Counts and times every frame."""

    abstract = True
    channel = "person"

    def on_start(self) -> None:
        """Be in the room, or stop this user: the tables then show a join that failed."""
        self.viewer = self.evening.new_viewer(self.channel)
        #: drop_id -> the drop as the screen shows it.
        self.drops: dict[str, Frame] = {}
        self.over = False
        self.orders: dict[str, str] = {}
        self.wait_for_room()
        self._address, self._ticket = self.ticket(self.viewer, self.channel)
        self._socket: ClientConnection | None = None
        self._span: Span | None = None
        self._epoch = 0
        self._live_after = 0
        self._there = Event()
        self._stirred = Event()
        self._waiting: dict[str, AsyncResult[Frame | None]] = {}
        self._asked = 0
        self._away_until_s = 0.0
        self._was_cut = False
        self._leaving = False
        self.evening.ears.append(self._heed)
        self._life = gevent.spawn(self._live)
        if not self._there.wait(JOIN_S):
            self.evening.figures.not_joined("enter", JOIN_S * 1_000, TimeoutError("no welcome"))
            self._leaving = True
            raise StopUser

    def on_stop(self) -> None:
        """Hang up as a browser does when its page is closed."""
        self._leaving = True
        if self._heed in self.evening.ears:
            self.evening.ears.remove(self._heed)
        if self._socket is not None:
            self._socket.close()
        self._life.kill(timeout=2 * CLOSE_TIMEOUT_S)

    def _heed(self, cue: str) -> None:
        if cue == "storm":
            self.cut(random.uniform(*COME_BACK_S))
        elif cue == "close" and self._span is not None and self._socket is not None:
            self._span.stayed = True

    # -- the connection ------------------------------------------------------------------------

    def _live(self) -> None:
        back_off_s = BACK_OFF_FIRST_S
        while not self._leaving:
            gevent.sleep(max(0.0, self._away_until_s - time.monotonic()))
            try:
                self._visit()
                back_off_s = BACK_OFF_FIRST_S
            except InvalidStatus as refusal:
                if refusal.response.status_code in (401, 403):
                    self._give_up(refusal)
            except (OSError, InvalidHandshake, ConnectionClosed):
                pass  # the way there is closed for the moment
            gevent.sleep(random.uniform(0.5, 1.0) * back_off_s)
            back_off_s = min(2 * back_off_s, BACK_OFF_MAX_S)

    def _visit(self) -> None:
        """One connection from handshake to end."""
        query = {"ticket": self._ticket}
        if self._span is not None:
            query |= {"epoch": str(self._epoch), "since": str(self._span.last)}
        started_s = time.perf_counter()
        with connect(
            f"{self._address}?{urlencode(query)}",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            ping_interval=None,
            open_timeout=JOIN_S,
            close_timeout=CLOSE_TIMEOUT_S,
            proxy=None,
        ) as connection:
            again = self._span is not None
            welcome = connection.recv(decode=False)
            self._welcome(wire.decode_frame(welcome))
            joined_s = time.perf_counter()
            self.evening.figures.join(
                "return" if again else "enter", (joined_s - started_s) * 1_000
            )
            self.evening.figures.frame("private", len(welcome))
            self._socket = connection
            self._there.set()
            self.evening.people_here += 1
            try:
                while True:
                    self._hear(connection.recv(decode=False))
            except ConnectionClosed as closed:
                self._lost(closed, (time.perf_counter() - joined_s) * 1_000)
            finally:
                self.evening.people_here -= 1
                self._socket = None
                self._there.clear()
                for answer in self._waiting.values():
                    answer.set(None)

    def _lost(self, closed: ConnectionClosed, age_ms: float) -> None:
        was_cut, self._was_cut = self._was_cut, False
        if self._leaving or was_cut:
            return
        code = closed.rcvd.code if closed.rcvd else 1006
        self.evening.figures.loss(code, age_ms)
        if code in _FINAL:
            self._give_up(closed)

    def _give_up(self, why: Exception) -> None:
        self._leaving = True
        self.evening.figures.not_joined("return" if self._span else "enter", 0.0, why)

    def cut(self, away_s: float) -> None:
        """Lose the line for `away_s`: no closing handshake, nothing said."""
        self._away_until_s = time.monotonic() + away_s
        if self._socket is not None:
            self._was_cut = True
            with suppress(OSError):
                self._socket.socket.shutdown(socket.SHUT_RDWR)

    # -- what is heard -------------------------------------------------------------------------

    def _welcome(self, frame: Frame) -> None:
        self.evening.clock.heard(frame["server_time_ms"])
        self._live_after = frame["seq"]
        if not frame["resumed"]:
            snapshot = frame["snapshot"]
            self._epoch = frame["epoch"]
            self._span = self.evening.hearing.begin(frame["seq"])
            self.over = snapshot["status"] == "ended"
            self.drops = {drop["drop_id"]: dict(drop) for drop in snapshot["drops"]}
        self._stirred.set()

    def _hear(self, payload: bytes) -> None:
        evening, frame, size = self.evening, wire.decode_frame(payload), len(payload)
        now_ms, kind = evening.clock.now_ms(), frame["type"]
        lane: Lane = "commerce" if "seq" in frame else kind if kind in _BEST_EFFORT else "private"
        evening.figures.frame(lane, size)
        match lane:
            case "commerce":
                self._see(kind, frame, now_ms, size)
            case "chat":
                if frame["messages"]:
                    said_ms = frame["messages"][-1]["at_ms"]
                    evening.figures.delivery("chat", now_ms - said_ms, size)
            case "pulse":
                evening.clock.heard(frame["server_time_ms"])
                evening.figures.delivery("pulse", now_ms - frame["server_time_ms"], size)
            case _:
                self._be_told(kind, frame)
        self._stirred.set()

    def _see(self, kind: str, frame: Frame, now_ms: float, size: int) -> None:
        """An announcement. One that waited for our return is no measure of delivery."""
        assert self._span is not None, "the welcome came first"
        if not self.evening.hearing.heard(self._span, frame["seq"]):
            return
        late_ms = now_ms - frame["at_ms"] if frame["seq"] > self._live_after else None
        if late_ms is not None:
            self.evening.figures.delivery("commerce", late_ms, size)
        if kind in LANDMARKS:
            self.evening.figures.landmark(kind, late_ms, size)
        match kind:
            case "epoch.started":
                self._epoch = frame["epoch"]
            case "room.ended":
                self.over = True
                self.evening.hearing.ended(frame["seq"])
            case "drop.scheduled":
                self.drops[frame["drop"]["drop_id"]] = dict(frame["drop"])
            case "drop.opened":
                self.drops[frame["drop_id"]]["status"] = "open"
            case "drop.paused" | "drop.sold_out" | "drop.closed":
                self.drops[frame["drop_id"]]["status"] = kind.removeprefix("drop.")

    def _be_told(self, kind: str, frame: Frame) -> None:
        if kind == "reply":
            waiting = self._waiting.get(frame["to"])
            if waiting is not None:
                waiting.set(frame)
        elif kind.startswith("order."):
            self.orders[frame["order_id"]] = kind.removeprefix("order.")
        elif kind == "payment.declined":
            self.orders[frame["order_id"]] = "declined"

    def until(self, seen: Callable[[], bool], within_s: float) -> bool:
        """Whether it comes true in time; looked at whenever something was heard."""
        give_up_at_s = time.monotonic() + within_s
        while not seen():
            left_s = give_up_at_s - time.monotonic()
            if left_s <= 0:
                return False
            self._stirred.clear()
            self._stirred.wait(min(left_s, SILENCE_S))
        return True

    # -- what is asked -------------------------------------------------------------------------

    def new_id(self) -> str:
        """An id for a command, never used before by this viewer."""
        self._asked += 1
        return f"{self.viewer}.{self._asked}"

    def say(self, command: ViewerMessage) -> None:
        """Send once; lost with the connection. Its answer is counted and not waited for."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                self._socket.send(_text(command))

    def ask(self, command: ViewerMessage, lose_reply: bool = False) -> Frame:
        """The reply. Sent again, unchanged, after a lost connection, a silence, or an answer that
        says nothing was done. With `lose_reply` the line breaks right after the first sending.

        Raises:
            NoAnswerError: see there; the tables show a failure.
        """
        name, text = str(type(command).__struct_config__.tag), _text(command)
        started_s = time.perf_counter()
        try:
            reply = self._ask(command.id, text, lose_reply)
        except NoAnswerError as error:
            self.evening.figures.no_answer(name, (time.perf_counter() - started_s) * 1_000, error)
            raise
        name = f"{name} (line lost)" if lose_reply else name
        refusal = None if reply["ok"] else str(reply["error"]["code"])
        self.evening.figures.answer(name, (time.perf_counter() - started_s) * 1_000, refusal)
        return reply

    def _ask(self, id_: str, text: str, lose_reply: bool) -> Frame:
        give_up_at_s = time.monotonic() + GIVE_UP_S
        try:
            while (left_s := give_up_at_s - time.monotonic()) > 0:
                answer = self._waiting[id_] = AsyncResult()
                if not self._there.wait(left_s) or self._socket is None:
                    continue
                try:
                    self._socket.send(text)
                except ConnectionClosed:
                    gevent.sleep(BACK_OFF_FIRST_S)  # until `_live` has noticed it too
                    continue
                if lose_reply:
                    lose_reply = False
                    self.cut(BACK_OFF_FIRST_S)
                answer.wait(min(left_s, REPLY_TIMEOUT_S))
                reply: Frame | None = answer.value
                if reply is None:
                    continue
                wait_ms = _nothing_done(reply)
                if wait_ms is None:
                    return reply
                gevent.sleep(wait_ms / 1_000)
            raise NoAnswerError(f"no answer within {GIVE_UP_S:g} s")
        finally:
            self._waiting.pop(id_, None)


_BEST_EFFORT = ("chat", "pulse")


def _text(command: ViewerMessage) -> str:
    return wire.encode(msgspec.to_builtins(command)).decode()


def _nothing_done(reply: Frame) -> int | None:
    """How long to wait before the same command is sent again; None if that was an answer."""
    if reply["ok"] or reply["error"]["code"] not in ("busy", "rate_limited"):
        return None
    return int(reply["error"].get("retry_after_ms", 200))
