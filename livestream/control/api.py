"""From a request to a handler of the table, and back.

Owns reading: the token, the names in the path, the query, the body, each validated before the
handler runs; and writing the answer. Refuses to know what any handler does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from livestream import keys, wire
from livestream.clock import now_ms
from livestream.control.auth import Caller, admit, authorise, authorise_sign_in
from livestream.control.context import CONTROL, Call, Control
from livestream.control.idempotency import once_of
from livestream.control.problems import Problem, invalid, not_found
from livestream.control.routes import BODY_BYTES_MAX, PATH_TYPES, ROUTES, Route
from livestream.tickets import Ticket

_Kind = TypeVar("_Kind", bound=Struct)


def register(app: web.Application) -> None:
    """Serve every route of the table."""
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _endpoint(route), name=route.name)


def _endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        control = request.app[CONTROL]
        if route.body_bytes_max > BODY_BYTES_MAX:
            request = request.clone(client_max_size=route.body_bytes_max)
        call = await _read(control, route, request)
        if isinstance(call, Problem):
            return call.response()
        answer = await route.handler(control, call)
        if isinstance(answer, Problem):
            return answer.response()
        ready = isinstance(answer.body, bytes)
        return web.Response(
            status=answer.status,
            body=answer.body if ready else wire.encode(answer.body),
            headers={
                "Content-Type": route.media,
                "Cache-Control": "no-store",
                **answer.headers,
            },
        )

    return serve


async def _read(control: Control, route: Route, request: web.Request) -> Call | Problem:
    caller = await _caller(control, route, request)
    if isinstance(caller, Problem):
        return caller
    ticket: Ticket | None = None
    path = await read_path(control, request)
    if isinstance(path, Problem):
        return path
    if route.access == "viewer":
        admitted = admit(request, path["room"], control.secret, now_ms())
        if isinstance(admitted, Problem):
            return admitted
        ticket = admitted
    query = None if route.query is None else _read_query(request, route.query)
    if isinstance(query, Problem):
        return query
    body = None if route.body is None else await _read_body(request, route.body, path)
    if isinstance(body, Problem):
        return body
    once = await once_of(request) if route.repeats_once else None
    if isinstance(once, Problem):
        return once
    return Call(
        request=request,
        path=path,
        token=None if caller is None else caller.token,
        body=body,
        query=query,
        ticket=ticket,
        session=None if caller is None else caller.session,
        once=once,
    )


async def _caller(control: Control, route: Route, request: web.Request) -> Caller | Problem | None:
    """Who asks; None where that is not for the desk to know."""
    match route.access:
        case "public" | "viewer":
            return None
        case "bearer":
            return authorise_sign_in(control, request, now_ms())
        case role:
            return await authorise(control, request, role, now_ms())


async def read_path(control: Control, request: web.Request) -> dict[str, str] | Problem:
    """The names in the path, each within its bounds; the room is one that exists."""
    path = dict(request.match_info)
    for name, value in path.items():
        try:
            msgspec.convert(value, PATH_TYPES[name])
        except msgspec.ValidationError as error:
            return not_found("no such room") if name == "room" else invalid(f"{name}: {error}")
    room = path.get("room")
    if room is not None and not await control.redis.sismember(keys.ROOMS, room):
        return not_found(f"no room {room}")
    return path


def _read_query(request: web.Request, kind: type[_Kind]) -> _Kind | Problem:
    return _convert(kind, dict(request.query), strict=False)


async def _read_body(
    request: web.Request, kind: type[_Kind], path: Mapping[str, str]
) -> _Kind | Problem:
    raw = await request.read()
    fields: Any = {}
    if raw:
        if request.content_type != "application/json":
            return invalid("the body must be application/json", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            fields = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return invalid(str(error), HTTPStatus.BAD_REQUEST)
        except RecursionError:
            return invalid("nested too deep", HTTPStatus.BAD_REQUEST)
        if not isinstance(fields, dict):
            return invalid("the body must be a JSON object")
    for name, value in path.items():
        if name in kind.__struct_fields__ and fields.setdefault(name, value) != value:
            return invalid(f"{name} is {value} in the path and another in the body")
    return _convert(kind, fields)


def _convert(kind: type[_Kind], fields: dict[str, Any], strict: bool = True) -> _Kind | Problem:
    """The fields as a `kind`, or which of them cannot be. A misspelt name is told, not ignored."""
    for name in fields:
        if name not in kind.__struct_fields__:
            known = ", ".join(kind.__struct_fields__) or "no fields"
            return invalid(f"unknown field {name[:64]!r}: here one may give {known}")
    tag = kind.__struct_config__.tag
    try:
        return msgspec.convert(
            fields if tag is None else {**fields, "type": tag}, kind, strict=strict
        )
    except msgspec.ValidationError as error:
        return invalid(str(error))
