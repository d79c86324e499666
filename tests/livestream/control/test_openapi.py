"""The OpenAPI document: valid by the field's own validator, and true of the server it is about."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from livestream.control import openapi
from livestream.control.routes import ROUTES
from tests.livestream.control.desks import Desk

PUBLIC = {"walk_in", "watch_config", "check_certificate", "show_keys", "take_news", "show_draw"}
FOR_VIEWERS = {"list_own_certificates"}
TOKEN: dict[str, list[str]] = {"hostToken": []}
COOKIE: dict[str, list[str]] = {"sessionCookie": []}
CSRF: dict[str, list[str]] = {"csrfToken": []}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


async def test_it_is_served_as_it_is_made(desk: Desk, document: dict[str, Any]) -> None:
    answered = await desk.as_(None).call("GET", "/openapi.json")
    assert (answered.status, answered.content_type) == (200, "application/json")
    assert answered.body == document


def test_the_fields_own_validator_finds_nothing_wrong(document: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_validator_does_find_what_is_wrong(document: dict[str, Any]) -> None:
    path = {"get": {"responses": {"200": {"$ref": 5}}}}
    broken = {**document, "paths": {"/x": path}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_every_route_is_in_it_under_a_name_of_its_own(document: dict[str, Any]) -> None:
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert sorted(names) == sorted(route.name for route in ROUTES)
    assert len(names) == len(set(names))
    assert all(operation["summary"] for operation in operations)


def test_every_change_needs_a_token_with_a_role(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        for method, operation in path.items():
            public = operation["operationId"] in PUBLIC
            signs_in = operation["operationId"] == "sign_in"
            if public:
                assert operation["security"] == []
            elif operation["operationId"] in FOR_VIEWERS:
                assert operation["security"] == [{"viewerTicket": []}]
            elif signs_in:
                assert operation["security"] == [TOKEN]
            elif method == "get":
                assert operation["security"] == [TOKEN, COOKIE]
            else:
                assert operation["security"] == [TOKEN, COOKIE | CSRF]
            assert public or "401" in operation["responses"]
            assert public or signs_in or method == "get" or "403" in operation["responses"]


def test_what_the_path_gives_is_not_in_the_body(document: dict[str, Any]) -> None:
    put = document["paths"]["/api/v1/rooms/{room}/cards/{card_id}"]["put"]
    body = put["requestBody"]["content"]["application/json"]["schema"]
    assert "card_id" not in body["properties"]
    assert body["required"] == ["title"]
    assert body["additionalProperties"] is False


def test_no_body_asks_for_the_tag_of_a_command(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            body = operation.get("requestBody")
            if body is not None and operation["operationId"] != "take_news":
                assert "type" not in body["content"]["application/json"]["schema"]["properties"]


def test_a_pushed_message_is_described_with_its_signature(document: dict[str, Any]) -> None:
    push = document["paths"]["/api/v1/payments/webhook"]["post"]
    assert [one["name"] for one in push["parameters"]] == [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ]
    assert {one["in"] for one in push["parameters"]} == {"header"}
    kinds = push["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert len(kinds) == 3


async def test_each_path_is_really_served(desk: Desk, document: dict[str, Any]) -> None:
    for template, operations in document["paths"].items():
        path = template.replace("{", "").replace("}", "")
        for method in operations:
            answered = await desk.as_(None).call(method.upper(), path)
            # A stranger is turned away by a route, not told that there is none.
            # What is public reads its body before anything else, or is there for everybody.
            assert answered.status in (200, 401, 404, 422), (method, path)
            assert "nothing is at" not in str(answered.body)
