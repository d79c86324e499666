"""One line for each event, whoever logged it, in the shape its reader wants."""

import io
import logging

import orjson
import pytest
import structlog

from livestream.config import Settings
from livestream.logs import configure


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_away_from_a_terminal_each_event_is_one_json_line() -> None:
    stream = io.StringIO()
    configure(Settings(), "engine", stream)
    structlog.get_logger().info("engine.started", room="santos", epoch=3, frame=b"\x01")
    (line,) = stream.getvalue().splitlines()
    event = orjson.loads(line)
    assert event["message"] == "engine.started"
    assert (event["room"], event["epoch"], event["process"]) == ("santos", 3, "engine")
    assert event["level"] == "info"
    assert event["timestamp"].endswith("Z")


def test_a_dependencys_line_looks_like_ours() -> None:
    stream = io.StringIO()
    configure(Settings(log_format="json"), "control", stream)
    logging.getLogger("aiohttp.access").warning("%s took long", "/api", extra={"took_ms": 900})
    event = orjson.loads(stream.getvalue())
    assert event["message"] == "/api took long"
    assert (event["took_ms"], event["process"], event["level"]) == (900, "control", "warning")


def test_on_a_terminal_a_line_is_for_people() -> None:
    stream = Terminal()
    configure(Settings(), "gateway", stream)
    structlog.get_logger().info("viewer.joined", viewer="v1")
    assert "viewer.joined" in stream.getvalue()
    assert "{" not in stream.getvalue()


def test_json_may_be_asked_for_on_a_terminal() -> None:
    stream = Terminal()
    configure(Settings(log_format="json"), "gateway", stream)
    structlog.get_logger().info("viewer.joined")
    assert orjson.loads(stream.getvalue())["message"] == "viewer.joined"


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    configure(Settings(log_level="warning"), "engine", stream)
    structlog.get_logger().info("room.created")
    logging.getLogger("asyncio").debug("selector")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("log_format", ["json", "human"])
def test_a_traceback_names_the_error_and_shows_no_local_variable(log_format: str) -> None:
    stream = io.StringIO()
    configure(Settings.load({}, log_format=log_format), "engine", stream)
    signing_key = "never-in-a-log"
    try:
        raise ValueError(len(signing_key))
    except ValueError:
        structlog.get_logger().exception("engine.failed")
    assert "ValueError" in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()
    assert signing_key not in stream.getvalue()


def test_configured_again_it_speaks_as_the_new_role_and_once() -> None:
    before, after = io.StringIO(), io.StringIO()
    log = structlog.get_logger()
    configure(Settings(), "supervisor", before)
    log.info("starting")
    configure(Settings(), "engine", after)
    log.info("engine.started")
    assert len(before.getvalue().splitlines()) == 1
    assert orjson.loads(after.getvalue())["process"] == "engine"
