"""The OpenAPI 3.1 document of the control API, made from the table of routes and their types.

Owns the form. Refuses to know anything about a route that its entry in the table does not say.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from livestream import __version__, webhooks
from livestream.control import idempotency, sessions
from livestream.control.problems import ProblemDetails
from livestream.control.routes import PATH_TYPES, ROUTES, Route
from livestream.control.schemas import Schema, Schemas, parameters_of

_DESCRIPTION = """\
What the desk and its tools ask of a live room. Money is an integer in minor units with its \
currency; times end in `_ms`, milliseconds since the Unix epoch. Whatever is not done is told as a \
problem (RFC 9457) whose `code` is the closed list that viewers get too. Every call may be \
repeated without harm, save `announce` and `restock_drop`. With an `Idempotency-Key` those may be \
too, and no call is done anew where the room has moved on meanwhile. A room's feed is in \
/asyncapi.json."""

_SECURITY = "hostToken"
_TICKET = "viewerTicket"
_SESSION = "sessionCookie"
_CSRF = "csrfToken"


def document() -> dict[str, Any]:
    """The document as a dict, ready for JSON."""
    types: list[Any] = [ProblemDetails, idempotency.Key, *PATH_TYPES.values()]
    for route in ROUTES:
        types += [kind for kind in (route.answer, route.body, route.signed) if kind is not None]
    schemas = Schemas(types)
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Livestream control API",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(route.tag for route in ROUTES)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {"Problem": _problem(schemas)},
            "securitySchemes": {
                _SECURITY: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A host token: `livestream token NAME`.",
                },
                _SESSION: {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": sessions.COOKIE,
                    "description": "A session, begun by `POST /api/v1/session`, for browsers. Its "
                    "changes come from a page of this server (Sec-Fetch-Site, Origin).",
                },
                _CSRF: {
                    "type": "apiKey",
                    "in": "header",
                    "name": sessions.CSRF_HEADER,
                    "description": "What goes with each change made in a session: its `csrf`.",
                },
                _TICKET: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A viewer's ticket for the room: `POST …/tickets`.",
                },
            },
        },
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "description": _who_may(route),
        "security": _security(route),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": schemas.of(PATH_TYPES[name])}
            for name in route.path_names
        ],
        "responses": _responses(route, schemas),
    }
    if route.query is not None:
        operation["parameters"] += parameters_of(route.query)
    if route.repeats_once:
        key = {"schema": schemas.of(idempotency.Key)}
        operation["parameters"].append(idempotency.PARAMETER | key)
    if route.signed is not None:
        operation["parameters"] += [_SIGNED_HEADER | {"name": name} for name in _SIGNED_BY]
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.of(route.signed)}},
        }
    body = None if route.body is None else schemas.body_of(route.body, route.path_names)
    if body is not None:
        operation["requestBody"] = {
            "required": bool(body.get("required")),
            "content": {"application/json": {"schema": body}},
        }
    return operation


_SIGNED_BY = (webhooks.ID, webhooks.TIMESTAMP, webhooks.SIGNATURE)
_SIGNED_HEADER: dict[str, Any] = {
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
}


def _security(route: Route) -> list[dict[str, list[str]]]:
    match route.access:
        case "public":
            return []
        case "viewer":
            return [{_TICKET: []}]
        case "bearer":
            return [{_SECURITY: []}]
        case _ if route.method in sessions.SAFE_METHODS:
            return [{_SECURITY: []}, {_SESSION: []}]
        case _:
            return [{_SECURITY: []}, {_SESSION: [], _CSRF: []}]


def _who_may(route: Route) -> str:
    if route.signed is not None:
        return (
            "For whoever has the secret: the message is signed by the Standard Webhooks scheme, "
            "not older than 5 minutes, and answered alike when it comes again."
        )
    if route.access == "viewer":
        return "For a viewer, with a ticket for the room."
    if route.access == "public":
        return "For anybody, without a token."
    if route.access == "bearer":
        return "Needs a host token of any role; a session is not enough."
    return f"Needs the role `{route.access}` or a higher one (analyst, moderator, host)."


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    answer = {
        "description": HTTPStatus(route.status).phrase,
        "content": {route.media.partition(";")[0]: {"schema": schemas.of(route.answer)}},
    }
    responses = {str(status): answer for status in (route.status, *route.also)}
    for status in _problem_statuses(route):
        responses[str(status.value)] = {"$ref": "#/components/responses/Problem"}
    return responses


def _needs_role(route: Route) -> bool:
    """Whether 403 says that the role is too low, or that a change came without its CSRF token."""
    if route.access in ("public", "viewer", "bearer"):
        return False
    return route.access != "analyst" or route.method not in sessions.SAFE_METHODS


def _problem_statuses(route: Route) -> list[HTTPStatus]:
    statuses = [HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR]
    statuses.append(HTTPStatus.SERVICE_UNAVAILABLE)
    if route.access != "public":
        statuses.append(HTTPStatus.UNAUTHORIZED)
    if _needs_role(route) or route.forbids:
        statuses.append(HTTPStatus.FORBIDDEN)
    if route.limits:
        statuses.append(HTTPStatus.TOO_MANY_REQUESTS)
    if route.path_names or route.signed:
        statuses.append(HTTPStatus.NOT_FOUND)
    if route.path_names or route.query or route.body or route.signed:
        statuses.append(HTTPStatus.UNPROCESSABLE_ENTITY)
    if route.body is not None:
        statuses += [HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE]
    if route.signed is not None:
        statuses.append(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if route.changes or route.conflicts:
        statuses.append(HTTPStatus.CONFLICT)
    return sorted(statuses)


def _problem(schemas: Schemas) -> Schema:
    return {
        "description": "Not done, and why. `code` is the closed list's.",
        "headers": {
            "Retry-After": {
                "description": "Seconds, when waiting helps (always with 503).",
                "schema": {"type": "integer"},
            },
            "WWW-Authenticate": {
                "description": "With 401.",
                "schema": {"type": "string"},
            },
        },
        "content": {"application/problem+json": {"schema": schemas.of(ProblemDetails)}},
    }
