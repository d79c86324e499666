"""The AsyncAPI document: valid by the AsyncAPI project's own parser, and nothing is left out."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import Struct

from cart.outcome import ErrorCode
from livestream import messages
from livestream.control import asyncapi
from livestream.messages import CloseCode
from tests.livestream.control.desks import Desk

TOOLS = Path(__file__).parents[2] / "tools"
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi.document("ws://127.0.0.1:8081", "ws://127.0.0.1:8080")


async def test_it_is_served_with_the_addresses_of_this_installation(desk: Desk) -> None:
    answered = await desk.as_(None).call("GET", "/asyncapi.json")
    assert (answered.status, answered.content_type) == (200, "application/json")
    host = desk.base.removeprefix("http://")
    assert answered.body["servers"]["control"]["host"] == host
    assert answered.body["servers"]["gateway"]["host"] == "127.0.0.1:8081"


def parsed(document: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    if NODE is None or not (TOOLS / "node_modules/@asyncapi/parser").is_dir():
        pytest.skip("left out: AsyncAPI's own parser (npm install --prefix tests/tools)")
    return subprocess.run(
        [NODE, str(TOOLS / "validate-asyncapi.mjs")],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_projects_own_parser_finds_nothing_wrong(document: dict[str, Any]) -> None:
    run = parsed(document)
    assert (run.stdout, run.stderr, run.returncode) == ("", "", 0)


def test_a_public_address_with_a_path_is_as_good() -> None:
    document = asyncapi.document("wss://live.example/eu", "wss://desk.example")
    assert document["servers"]["gateway"]["pathname"] == "/eu"
    assert parsed(document).stdout == ""


def test_the_parser_does_find_what_is_wrong(document: dict[str, Any]) -> None:
    channels = {**document["channels"], "live": {"address": 5}}
    run = parsed({**document, "channels": channels})
    assert run.returncode == 1
    assert run.stdout


def test_every_inbound_struct_is_in_it(document: dict[str, Any]) -> None:
    structs = {
        kind.__name__
        for kind in vars(messages).values()
        if isinstance(kind, type)
        and issubclass(kind, messages.ViewerMessage)
        and kind is not messages.ViewerMessage
    }
    received = {
        message["$ref"].rsplit("/", 1)[1]
        for operation in document["operations"].values()
        if operation["action"] == "receive"
        for message in operation["messages"]
    }
    assert received == structs == {kind.__name__ for kind in get_args(messages.AnyViewerMessage)}


def test_every_outbound_frame_is_in_it(document: dict[str, Any]) -> None:
    frames = {
        name
        for name, kind in vars(messages).items()
        if isinstance(kind, type)
        and "type" in getattr(kind, "__annotations__", {})
        and not issubclass(kind, Struct)
    }
    sent = {
        message["$ref"].rsplit("/", 1)[1]
        for operation in document["operations"].values()
        if operation["action"] == "send" and operation["channel"]["$ref"] == "#/channels/live"
        for message in operation["messages"]
    }
    assert sent == frames


def test_every_close_code_and_error_code_is_explained(document: dict[str, Any]) -> None:
    live = document["channels"]["live"]
    assert {entry["code"] for entry in live["x-close-codes"]} == set(CloseCode)
    assert all(entry["description"] for entry in live["x-close-codes"])
    assert {entry["code"]: entry["retryable"] for entry in live["x-error-codes"]} == {
        code.value: code.retryable for code in ErrorCode
    }


def test_the_handshake_tells_its_parameters(document: dict[str, Any]) -> None:
    query = document["channels"]["live"]["bindings"]["ws"]["query"]
    assert set(query["properties"]) == {"ticket", "epoch", "since"}
