"""One trace for a checkout, across gateway, inbox and engine; none for anything else, and none at
all while nobody wants them.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livestream.config import Settings, SettingsError
from livestream.engine.owner import RoomOwner
from livestream.engine.process import EngineProcess
from livestream.gateway.outbox import Outbox
from livestream.gateway.server import Gateway
from livestream.redis_client import open_redis
from livestream.tracing import require_tracing
from tests.integration.collector import Collector, Span
from tests.integration.house import SECRET, Served
from tests.integration.programs import REPOSITORY
from tests.integration.shoppers import Shopper
from tests.integration.world import World
from tests.processes import eventually

GATEWAY, ENGINE = "livestream-gateway", "livestream-engine"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def traced(free_dir: Path, collector: Collector) -> Iterator[Served]:
    """A whole `serve` that sends its traces to `collector`."""
    built = Served(free_dir, tracing_endpoint=collector.endpoint)
    yield built
    built.close()


async def test_a_checkout_is_one_trace_from_socket_to_reply(
    traced: Served, collector: Collector, room: str
) -> None:
    world = World(traced, room)
    try:
        async with world.desk() as desk, world.line("ann") as ann:
            await desk.opens_drop("bag", 2, 2_880_000)
            assert (await ann.ask("chat.send", text="so beautiful"))["ok"]
            assert (await ann.ask("cart.add", sku="bag", quantity=1))["ok"]
            before_ns = time.time_ns()
            assert (await ann.ask("checkout", checkout_id="c1"))["ok"]
            after_ns = time.time_ns()
            assert not (await ann.ask("checkout", checkout_id="c2"))["ok"]

            async def both_are_there() -> bool:
                return len(collector.traces()) == 2 and len(collector.spans) == 12

            assert await eventually(10, both_are_there), collector.spans
    finally:
        await world.close()
    bought, refused = collector.traces()
    spans = {span.name: span for span in bought}
    root = spans["checkout"]
    assert {(span.name, span.service, _parent(span, bought)) for span in bought} == {
        ("checkout", GATEWAY, None),
        ("inbox.put", GATEWAY, "checkout"),
        ("engine.turn", ENGINE, "checkout"),
        ("decide", ENGINE, "engine.turn"),
        ("journal.append", ENGINE, "engine.turn"),
        ("reply", GATEWAY, "checkout"),
    }
    moments = [before_ns, root.began_ns, spans["inbox.put"].began_ns, spans["decide"].began_ns]
    # The append itself publishes the reply, which may be at the gateway before the engine hears
    # that it is done.
    moments += [
        spans["journal.append"].began_ns,
        spans["reply"].began_ns,
        spans["reply"].ended_ns,
        root.ended_ns,
    ]
    assert moments == sorted(moments)
    assert spans["reply"].began_ns <= after_ns
    assert root.attributes["livestream.outcome"] == "ok"
    assert root.attributes["livestream.room"] == room
    assert spans["engine.turn"].attributes["livestream.commands"] == 1
    (root_of_refused,) = [span for span in refused if span.name == "checkout"]
    assert root_of_refused.attributes["livestream.outcome"] == "empty_cart"


def _parent(span: Span, spans: list[Span]) -> str | None:
    return next((other.name for other in spans if other.id == span.parent), None)


async def test_a_collector_that_is_away_holds_nobody_up(free_dir: Path, room: str) -> None:
    served = Served(free_dir, tracing_endpoint="http://127.0.0.1:9/v1/traces")
    world = World(served, room)
    try:
        async with world.desk() as desk, world.line("ann") as ann:
            await desk.opens_drop("bag", 2, 2_880_000)
            assert await Shopper(ann, "tmall", random.Random(7)).wants("bag")
        began_s = time.monotonic()
        assert served.program.stop() == 0
        assert time.monotonic() - began_s < 10
        assert not any("killed" in line for line in served.program.complaints())
    finally:
        await world.close()
        served.close()


async def test_a_process_without_traces_runs_the_plain_code(redis_url: str, free_dir: Path) -> None:
    settings = Settings(redis_url=redis_url, secret=SECRET, var_dir=free_dir, gateway_port=0)
    redis = open_redis(redis_url)
    gateway = Gateway(settings)
    assert type(gateway.outbox) is Outbox
    assert EngineProcess(redis, settings)._new_owner is RoomOwner
    await gateway.stop()
    await redis.aclose()


def test_a_process_without_traces_does_not_even_load_what_makes_them() -> None:
    code = (
        "import sys, livestream.cli, livestream.engine.process, livestream.gateway.server;"
        # The Redis client loads some of it for itself, if it is there.
        "ours = ('opentelemetry.sdk.trace', 'opentelemetry.exporter');"
        "print([name for name in sys.modules if name.startswith(ours)])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


def test_traces_without_the_extra_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match="pip install"):
        require_tracing(Settings(tracing_endpoint="http://127.0.0.1:4318/v1/traces"))
    require_tracing(Settings())
