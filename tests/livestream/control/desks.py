"""A person at the desk, for tests: real HTTP with a real token, and answers taken apart."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from livestream.clock import now_ms
from livestream.tickets import DeskRole, HostToken, issue_host_token

SECRET = "a secret for tests, of more than 32 characters"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: `body` is the JSON, or None when it was something else."""

    status: int
    body: Any
    headers: Any
    content_type: str


def host_token(role: DeskRole = "host", ttl_ms: int = 60_000, name: str = "lin") -> str:
    """A token as the command line issues it."""
    return issue_host_token(SECRET, HostToken(name, role, now_ms() + ttl_ms))


class Desk:
    """Calls of one person with `token` (None: a stranger) at the control server at `base`."""

    def __init__(self, http: aiohttp.ClientSession, base: str, token: str | None) -> None:
        self._http = http
        self.base = base
        self.token = token

    def as_(self, token: str | None) -> "Desk":
        """Another person at the same server."""
        return Desk(self._http, self.base, token)

    async def call(
        self,
        method: str,
        path: str,
        json: object = None,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answered:
        """One request; `path` begins with `/`, and with `/rooms` and the like for the API."""
        sent = dict(headers or {})
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        async with self._http.request(
            method, self.base + path, json=json, data=data, headers=sent
        ) as response:
            is_json = "json" in response.content_type
            return Answered(
                response.status,
                await response.json(content_type=None) if is_json else None,
                response.headers,
                response.content_type,
            )

    async def get(self, path: str) -> Answered:
        return await self.call("GET", f"/api/v1{path}")

    async def post(self, path: str, json: object = None) -> Answered:
        return await self.call("POST", f"/api/v1{path}", json)

    async def put(self, path: str, json: object = None) -> Answered:
        return await self.call("PUT", f"/api/v1{path}", json)

    async def delete(self, path: str) -> Answered:
        return await self.call("DELETE", f"/api/v1{path}")

    async def opened_room(self, room: str, *drops: dict[str, Any]) -> None:
        """Make a room, start it and open drops."""
        for step in (
            await self.post("/rooms", {"room": room, "title": "Santos de Cartier"}),
            await self.post(f"/rooms/{room}/start"),
        ):
            assert step.status in (200, 201), step
        for terms in drops:
            scheduled = await self.post(f"/rooms/{room}/drops", terms)
            assert scheduled.status == 201, scheduled
            opened = await self.post(f"/rooms/{room}/drops/{terms['drop_id']}/open")
            assert opened.status == 200, opened

    def feed(self, room: str, *protocols: str) -> Any:
        """The desk's websocket, as a context manager, opened as a browser does."""
        offered = protocols or ("livestream.desk.v1", f"bearer.{self.token}")
        return self._http.ws_connect(f"{self.base}/api/v1/rooms/{room}/desk", protocols=offered)


def assert_problem(answered: Answered, status: int, code: str | None) -> None:
    """The answer is a problem of RFC 9457 with this status and code."""
    assert answered.content_type == "application/problem+json", answered
    assert answered.status == status, answered
    assert answered.body["status"] == status
    assert answered.body["type"] == "about:blank"
    assert answered.body["title"]
    assert answered.body["detail"]
    assert answered.body.get("code") == code, answered
