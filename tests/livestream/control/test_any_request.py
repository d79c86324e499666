"""Requests of every kind, right and wrong, made by schemathesis from our own OpenAPI document: no
500, no traceback, every answer as it is described, and no fact in the log for what was refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest
import redis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from redis import asyncio as aioredis
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation.modes import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cart.events import DropOpened, OrderPaid, RefundSettled, StockShown
from livestream import keys, wire
from livestream.audit import audit_room
from livestream.control import openapi
from livestream.control.routes import ROUTES
from livestream.facts import EpochStarted
from livestream.redis_client import StreamEntries
from tests.livestream.control.desks import Desk, host_token
from tests.livestream.control.shoppers import shoppers_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DROP = {
    "drop_id": "santos",
    "sku": "santos",
    "title": "Santos",
    "supply": 288,
    "price_minor": 2_880_000,
    "currency": "CNY",
}
#: What a path names is something that exists, as a rule: else every answer would be a 404.
NAMES = {"drop_id": "santos", "card_id": "card-1", "order_id": "o1", "viewer": "wang", "code": "c"}
#: Facts that time, the provider or a new engine makes, whatever is asked.
BY_THEMSELVES = (StockShown, DropOpened, OrderPaid, RefundSettled, EpochStarted)

PLAY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=6,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Fuzzer:
    """Asks for one operation after another, in a thread of its own: the server has the loop."""

    def __init__(self, base: str, token: str | None, redis_url: str, room: str) -> None:
        self._base = base
        self._headers = {"Authorization": f"Bearer {token}"}
        self._redis = redis.Redis.from_url(redis_url)
        self._room = room
        self.statuses: dict[str, set[int]] = {}

    def run(self, document: dict[str, Any]) -> None:
        """Every operation of the document, with what it describes and with what it forbids."""
        found = schemathesis.openapi.from_dict(document).get_all_operations()
        operations = [result.ok() for result in found if isinstance(result, Ok)]
        with requests.Session() as session:
            for operation in sorted(operations, key=_ends_the_show):
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    self._ask(operation, mode, session)
        self._redis.close()

    def _ask(
        self, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, session: Any
    ) -> None:
        cases = operation.as_strategy(generation_mode=mode)

        @PLAY
        @given(case=cases, somewhere_else=st.sampled_from([False, False, True]))
        def ask(case: Case[Any], somewhere_else: bool) -> None:
            if not somewhere_else:
                known = {**NAMES, "room": self._room}
                case.path_parameters.update(
                    {name: known[name] for name in case.path_parameters if name in known}
                )
            before = self._log_ends()
            answer = case.call(base_url=self._base, headers=self._headers, session=session)
            case.validate_response(answer, checks=CHECKS)
            assert "Traceback" not in answer.text
            self.statuses.setdefault(operation.label, set()).add(answer.status_code)
            if answer.status_code >= 400:
                assert not list(self._facts_after(before)), f"{operation.label} was refused"

        try:
            ask()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, "an operation that nobody can call"

    def _log_ends(self) -> str:
        last = cast(StreamEntries, self._redis.xrevrange(keys.log(self._room), count=1))
        return last[0][0].decode()

    def _facts_after(self, entry_id: str) -> Iterator[object]:
        tail = cast(StreamEntries, self._redis.xrange(keys.log(self._room), min=f"({entry_id}"))
        for _, fields in tail:
            facts = wire.decode_record(fields[b"r"]).facts
            yield from (fact for fact in facts if not isinstance(fact, BY_THEMSELVES))


def _ends_the_show(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    """This one comes last: after it nothing is sold."""
    return operation.path.endswith("/end")


@pytest.mark.slow
@pytest.mark.usefixtures("engine")
async def test_no_request_is_answered_otherwise_than_described(
    desk: Desk,
    redis: aioredis.Redis,
    redis_url: str,
    room: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with shoppers_of(redis, room) as shoppers:
        await desk.opened_room(room, DROP)
        await shoppers.pay("wang", await shoppers.order("wang", "santos"))
    patient = host_token(ttl_ms=600_000)  # a busy machine takes minutes
    fuzzer = Fuzzer(desk.base, patient, redis_url, room)
    await asyncio.to_thread(fuzzer.run, openapi.document())
    assert (await audit_room(redis, room)).findings == []
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    statuses = fuzzer.statuses.values()
    assert len(statuses) == len(ROUTES)
    assert sum(any(status < 300 for status in seen) for seen in statuses) > len(statuses) * 0.7
    assert sum(any(status >= 400 for status in seen) for seen in statuses) > len(statuses) * 0.7


@pytest.mark.usefixtures("engine")
async def test_an_answer_that_is_not_described_is_noticed(
    desk: Desk, redis_url: str, room: str
) -> None:
    await desk.opened_room(room, DROP)
    path = "/api/v1/rooms/{room}"
    document = openapi.document()
    del document["paths"][path]["get"]["responses"]["404"]
    document["paths"] = {path: document["paths"][path]}
    fuzzer = Fuzzer(desk.base, desk.token, redis_url, room)
    with pytest.raises(FailureGroup, match="404"):
        await asyncio.to_thread(fuzzer.run, document)
