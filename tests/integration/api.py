"""The control API as any HTTP client uses it.

Owns requests and host tokens. Refuses to know what any call does.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Self

import aiohttp

from livestream.clock import now_ms
from livestream.tickets import HostToken, issue_host_token
from tests.integration.house import SECRET, House, Served


class Answered(NamedTuple):
    """What a call got."""

    status: int
    content_type: str
    body: Any


class Api:
    """Calls to a control server of `house`. `async with` it."""

    def __init__(
        self, house: House | Served, role: Literal["host", "moderator", "analyst"] = "host"
    ) -> None:
        token = issue_host_token(SECRET, HostToken("tester", role, now_ms() + 3_600_000))
        self._session = aiohttp.ClientSession(
            house.control_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(10),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answered:
        """A call below /api/v1, whatever comes of it; `body` is sent as JSON."""
        async with self._session.request(method, f"/api/v1{path}", json=body, **more) as response:
            read = await response.json() if "json" in response.content_type else None
            return Answered(response.status, response.content_type, read)

    async def gets(self, path: str) -> Any:
        """What a GET that must succeed says."""
        answered = await self.call("GET", path)
        assert answered.status == 200, answered
        return answered.body

    async def does(self, method: str, path: str, body: Any = None) -> Any:
        """What a change that must succeed says."""
        answered = await self.call(method, path, body)
        assert answered.status in (200, 201), answered
        return answered.body

    async def is_ready(self) -> bool:
        """Whether the server says so."""
        try:
            async with self._session.get("/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False
