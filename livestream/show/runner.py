"""Plays a show through the public control API, by the server's clock.

Owns the pace, the calls and their retries. Refuses to know what a cue means and anything of the
engine: it is a client like any other, and needs an address and a host token.

A brief outage does not stop a show: a call that got no answer is made again, unchanged, and what
was already done is answered as done. Two commands add something each time, and are treated apart:
an announcement is rather said twice than not at all; a restock whose answer was lost is never
repeated, it is reported, and the host looks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import msgspec
from msgspec import Struct

from livestream import commands
from livestream.clock import now_ms
from livestream.commands import HostCommand
from livestream.show.script import Cue, Show

#: A call is repeated for as long as an engine or a control server may need to come back.
RETRY_FOR_S = 20.0
RETRY_FIRST_S = 0.1
RETRY_MAX_S = 1.0
#: The API itself gives an engine 5 s before it answers 503.
CALL_TIMEOUT_S = 10.0
#: Between the look at the server's clock and the first cue, and so much more for each preparation.
LEAD_MS = 200
LEAD_MS_EACH = 20


class ShowStoppedError(Exception):
    """The show cannot go on: the API was silent for RETRY_FOR_S, or the token may not do this."""


class Played(Struct, frozen=True):
    """A cue that was played. `late_ms` is when it was answered, after it was due; `problem` says
    why it had no effect (a drop that is to be paused may have sold out), or is None.
    """

    cue: Cue
    late_ms: int
    problem: str | None = None

    def __str__(self) -> str:
        return str(self.cue) + (f"  (not done: {self.problem})" if self.problem else "")


class Call(NamedTuple):
    """One HTTP request under `/api/v1`."""

    method: str
    path: str
    body: Mapping[str, Any]
    #: Whether doing it twice is doing it once, or near enough.
    repeatable: bool = True


def call_of(room: str, command: HostCommand) -> Call:
    """The request that carries `command`. Covers what a show may say.

    Raises:
        TypeError: no show says that.
    """
    at = f"/rooms/{room}"
    match command:
        case commands.RoomCreate(title=title, sandbox=sandbox):
            made = {"room": room, "title": title} | ({"sandbox": True} if sandbox else {})
            return Call("POST", "/rooms", made)
        case commands.RoomStart():
            return Call("POST", f"{at}/start", {})
        case commands.RoomEnd():
            return Call("POST", f"{at}/end", {})
        case commands.CardPut(card=card):
            content = msgspec.to_builtins(card)
            return Call("PUT", f"{at}/cards/{content.pop('card_id')}", content)
        case commands.CardPin(card_id=card_id):
            return Call("PUT", f"{at}/pin", {"card_id": card_id})
        case commands.CardWithdraw(card_id=card_id):
            return Call("DELETE", f"{at}/cards/{card_id}", {})
        case commands.DropSchedule(terms=terms):
            return Call("POST", f"{at}/drops", msgspec.to_builtins(terms))
        case commands.DropDraft(terms=terms):
            content = msgspec.to_builtins(terms)
            return Call("PUT", f"{at}/drafts/{content.pop('drop_id')}", content)
        case commands.DraftDiscard(drop_id=drop_id):
            return Call("DELETE", f"{at}/drafts/{drop_id}", {})
        case commands.RulesSet(rules=rules):
            return Call("PUT", f"{at}/rules", msgspec.to_builtins(rules))
        case commands.StreamSet(stream=stream):
            return Call("PUT", f"{at}/stream", msgspec.to_builtins(stream))
        case commands.CouponPut(coupon_terms=coupon):
            content = msgspec.to_builtins(coupon)
            return Call("PUT", f"{at}/coupons/{content.pop('code')}", content)
        case commands.SlotPut(slot_terms=slot):
            content = msgspec.to_builtins(slot)
            return Call("PUT", f"{at}/slots/{content.pop('slot_id')}", content)
        case commands.InvitationPut(viewers=viewers, drop_id=drop_id, tier=tier):
            invited = {"viewers": viewers, "drop_id": drop_id, "tier": tier}
            return Call("POST", f"{at}/invitations", invited)
        case commands.DropOpen(drop_id=drop_id):
            return Call("POST", f"{at}/drops/{drop_id}/open", {})
        case commands.DropPause(drop_id=drop_id):
            return Call("POST", f"{at}/drops/{drop_id}/pause", {})
        case commands.DropClose(drop_id=drop_id):
            return Call("POST", f"{at}/drops/{drop_id}/close", {})
        case commands.DropRestock(drop_id=drop_id, quantity=quantity, channel=channel):
            more: dict[str, Any] = {"quantity": quantity}
            if channel is not None:
                more["channel"] = channel
            return Call("POST", f"{at}/drops/{drop_id}/restock", more, repeatable=False)
        case commands.Announce(text=text):
            return Call("POST", f"{at}/announcements", {"text": text})
        case _:
            raise TypeError(f"no show says {type(command).__name__}")


class Answer(NamedTuple):
    """What the API said: `status` 2xx with its JSON, or a problem in words."""

    status: int
    body: Mapping[str, Any]

    @property
    def problem(self) -> str | None:
        """Why not, or None when all is well."""
        if self.status < 400:
            return None
        return str(self.body.get("detail") or self.body.get("title") or f"HTTP {self.status}")


class Desk:
    """A host at the control API; use as an async context manager.

    `api_url` is the control server's address, such as `http://127.0.0.1:8080`.
    """

    def __init__(self, api_url: str, token: str, retry_for_s: float = RETRY_FOR_S) -> None:
        self._base = f"{api_url.rstrip('/')}/api/v1"
        self._retry_for_s = retry_for_s
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_S),
        )

    async def __aenter__(self) -> Desk:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, call: Call) -> Answer:
        """Make the call, again while there is no answer or a retryable one.

        Raises:
            ShowStoppedError: no answer in time, or 401 or 403.
        """
        give_up_at = time.monotonic() + self._retry_for_s
        pause_s = RETRY_FIRST_S
        while True:
            try:
                answer = await self._once(call)
                if answer.status in (401, 403):
                    raise ShowStoppedError(f"the control API refuses: {answer.problem}")
                if answer.status not in (429, 502, 503, 504):
                    return answer
                silent = answer.problem or ""
                sent = answer.status != 429
            except aiohttp.ClientConnectorError as error:
                silent, sent = f"not reachable ({error.strerror or error})", False
            except (aiohttp.ClientError, TimeoutError) as error:
                silent, sent = f"no answer ({type(error).__name__})", True
            if sent and not call.repeatable:
                return Answer(503, {"detail": f"not known whether it was done: {silent}"})
            if time.monotonic() + pause_s > give_up_at:
                raise ShowStoppedError(f"the control API at {self._base}: {silent}")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RETRY_MAX_S)

    async def _once(self, call: Call) -> Answer:
        body = call.body or None
        async with self._session.request(call.method, self._base + call.path, json=body) as reply:
            try:
                content = await reply.json(content_type=None)
            except ValueError:  # a proxy's page, most likely
                content = None
            return Answer(reply.status, content if isinstance(content, dict) else {})

    async def clock_ms(self, room: str) -> int:
        """The server's clock less ours, in milliseconds, as good as half a round trip.

        Raises:
            ShowStoppedError: the desk feed of the room could not be read.
        """
        url = f"{self._base}/rooms/{room}/desk"
        try:
            async with self._session.ws_connect(url, protocols=("livestream.desk.v1",)) as feed:
                frame = await feed.receive_json(timeout=CALL_TIMEOUT_S)
            return int(frame["server_time_ms"]) - now_ms()
        except (aiohttp.ClientError, TimeoutError, TypeError, KeyError, ValueError) as error:
            raise ShowStoppedError(f"the desk feed of {room} cannot be read: {error}") from error


async def run_show(
    show: Show,
    api_url: str,
    token: str,
    room: str,
    speed: float = 1.0,
    on_cue: Callable[[Played], None] | None = None,
    *,
    sandbox: bool = False,
) -> list[Played]:
    """Create `room` if need be (as a `sandbox`, for a rehearsal), prepare and start it, play every
    cue at its time, and return what became of each. `on_cue` hears of each as it is played.

    Raises:
        ShowStoppedError: see `Desk.call`; or the room is another show's.
    """
    played: list[Played] = []
    async with Desk(api_url, token) as desk:

        async def play(cue: Cue, due_ms: int) -> None:
            answer = await desk.call(call_of(room, cue.command))
            step = Played(cue, now_ms() + ahead_ms - due_ms, answer.problem)
            played.append(step)
            if on_cue is not None:
                on_cue(step)

        await _must(desk, room, commands.RoomCreate(show.title, sandbox))
        ahead_ms = await desk.clock_ms(room)
        lead_ms = LEAD_MS + LEAD_MS_EACH * len(show.preparations)
        start_ms = now_ms() + ahead_ms + lead_ms
        for cue in show.prepared(start_ms, speed):
            await play(cue, start_ms)
        await _must(desk, room, commands.RoomStart())
        for due_ms, cue in show.timetable(start_ms, speed):
            await asyncio.sleep(max(0, due_ms - ahead_ms - now_ms()) / 1_000)
            await play(cue, due_ms)
    return played


async def _must(desk: Desk, room: str, command: HostCommand) -> None:
    answer = await desk.call(call_of(room, command))
    if answer.problem is not None:
        raise ShowStoppedError(answer.problem)
