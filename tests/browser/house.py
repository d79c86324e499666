"""`livestream serve` with doors that let anybody walk in, as the tests of the pages need it.

Owns its start, its sudden ends, the addresses of the pages, and what a test is not about: a room
that is set up, an audit. Refuses to know the pages.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import orjson
import psutil

from livestream.audit import audit_room, evidence_beside
from livestream.redis_client import open_redis
from livestream.serve import Addresses, read_addresses
from livestream.tickets import HostToken, issue_host_token
from tests.integration.programs import Program, start_program
from tests.processes import eventually, gone, within

SECRET = "for tests only, and 32 characters or more"
AN_HOUR_MS = 3_600_000
PATIENCE_S = 30.0
Role = Literal["control", "gateway", "engine"]
Post = Literal["host", "moderator", "analyst"]


class House:
    """One installation in `directory`. `room` is that of the test at hand."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.var_dir = directory / "var"
        self.room = ""
        self.program: Program | None = None
        self._starts = itertools.count(1)
        self._ports = {"control_port": 0, "gateway_port": 0}

    # -- its life -------------------------------------------------------------------------------

    def serve(self) -> None:
        """Start it, on ports that the kernel chooses; again on the same ones. Returns when it is
        up.
        """
        self.program = start_program(
            self.directory,
            f"serve-{next(self._starts)}",
            "serve",
            var_dir=self.var_dir,
            gateways=1,
            walk_in="true",
            secret=SECRET,
            **self._ports,
        )
        assert self.program.has_logged("serve.up"), self.program.log_path.read_text()
        control, gateway = urlsplit(self.control), urlsplit(self.addresses.gateway_url)
        assert control.port
        assert gateway.port
        self._ports = {"control_port": control.port, "gateway_port": gateway.port}

    @property
    def runs(self) -> bool:
        """Whether it has been started, and has not ended."""
        return self.program is not None and self.program.runs

    def kill_9(self, *roles: Role) -> None:
        """Kill processes as the kernel does when memory runs out; they are started again."""
        pids = [self.pid(role) for role in roles]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert within(PATIENCE_S, lambda: all(map(gone, pids)))

    @contextmanager
    def frozen(self, role: Role) -> Iterator[None]:
        """The process that plays a role stands still for the length of the block."""
        pid = self.pid(role)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def power_cut(self) -> None:
        """Everything ends in the middle of whatever it did, Redis too."""
        assert self.program is not None
        everybody = psutil.Process(self.program.pid).children(recursive=True)
        self.program.kill_9()
        assert within(PATIENCE_S, lambda: all(gone(each.pid) for each in everybody))

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        assert self.program is not None
        return self.program.stop()

    def clear_away(self) -> None:
        """Whatever state it is in."""
        if self.program is not None:
            self.program.clear_away()

    # -- where it is ----------------------------------------------------------------------------

    @property
    def addresses(self) -> Addresses:
        """Where it listens."""
        addresses = read_addresses(self.var_dir)
        assert addresses is not None, "it is not up"
        return addresses

    def pid(self, role: Role) -> int:
        """The process that plays a role now."""
        event = {"engine": "engine.started"}.get(role, f"{role}.listening")
        assert self.program is not None
        assert self.program.has_logged(event), self.program.log_path.read_text()
        return int(self.program.logged(event)[-1]["pid"])

    @property
    def control(self) -> str:
        """Where the control server listens."""
        return self.addresses.control_url

    def token_of(self, name: str, role: Post = "host") -> str:
        """A token for the desk."""
        expires_at_ms = int(time.time() * 1000) + AN_HOUR_MS
        return issue_host_token(SECRET, HostToken(name, role, expires_at_ms))

    @property
    def token(self) -> str:
        """A host's."""
        return self.token_of("claire")

    @property
    def panel(self) -> str:
        """The desk's page, for a host who has yet to choose a room."""
        return f"{self.control}/#token={self.token}"

    @property
    def desk(self) -> str:
        """The desk's page of the room, for a host."""
        return self.desk_of("claire")

    def desk_of(self, name: str, role: Post = "host") -> str:
        """The desk's page of the room, for somebody by name."""
        return f"{self.control}/#token={self.token_of(name, role)}&room={self.room}"

    @property
    def watch(self) -> str:
        """The viewers' page of the room."""
        return f"{self.control}/watch/{self.room}"

    # -- what a test is not about ---------------------------------------------------------------

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The control API; waits until it answers, when it has just been killed."""
        answers: list[Any] = []

        async def answered() -> bool:
            try:
                answers.append(await self._call(method, path, body))
            except aiohttp.ClientConnectionError:
                return False
            return True

        assert await eventually(PATIENCE_S, answered), "the control server does not answer"
        return answers[0]

    async def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(self.control, headers=headers) as session,
            session.request(method, f"/api/v1{path}", json=body or {}) as answer,
        ):
            assert answer.ok, await answer.text()
            said = await answer.read()
            return orjson.loads(said) if said else None

    async def set_up(
        self, title: str, supply: int, room_title: str = "An evening", **more: object
    ) -> None:
        """A live room with a pinned card, and its drop that is open; `more` is of its terms."""
        at = f"/rooms/{self.room}"
        await self.call("POST", "/rooms", {"room": self.room, "title": room_title})
        await self.call("PUT", f"{at}/cards/c1", {"title": title, "sku": "santos"})
        await self.call("PUT", f"{at}/pin", {"card_id": "c1"})
        await self.call("POST", f"{at}/start")
        terms = {"drop_id": "d1", "sku": "santos", "title": title, "supply": supply}
        price = {"price_minor": 2_880_000, "currency": "CNY"}
        await self.call("POST", f"{at}/drops", {**terms, **price, **more})
        await self.call("POST", f"{at}/drops/d1/open")

    async def assert_the_books_are_clean(self) -> None:
        """What `livestream verify ROOM --compare` says."""
        redis = open_redis(self.addresses.redis_url)
        try:
            verdict = await audit_room(redis, self.room, await evidence_beside(redis, self.room))
        finally:
            await redis.aclose()
        assert verdict.clean, verdict.to_text()
