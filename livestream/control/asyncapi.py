"""The AsyncAPI 3.0 document: the viewer protocol and the desk's feed, made from the types in use.

Owns the form, and the words for each close code. Refuses to know what the gateway or an engine does
with a message. Every inbound Struct of `livestream.messages` and every outbound TypedDict is in it:
the lists are the module's own.
"""

from __future__ import annotations

from typing import Any, get_args

from cart.fact import tag_of
from cart.outcome import (
    CartResult,
    EntryResult,
    ErrorCode,
    HoldResult,
    OrderResult,
    PlaceResult,
    RemoveResult,
    SlotChoice,
    SlotsResult,
)
from livestream import __version__, messages
from livestream.control import desk_feed, views
from livestream.control.schemas import Schema, Schemas, summary_of
from livestream.messages import CloseCode
from livestream.tickets import TOKEN_CHARACTERS_MAX, RoomId

CLOSE_CODES: dict[CloseCode, str] = {
    CloseCode.NORMAL: "The other side closed, and so do we.",
    CloseCode.GOING_AWAY: "The other side is going away.",
    CloseCode.PROTOCOL_ERROR: "A frame broke RFC 6455.",
    CloseCode.UNSUPPORTED_DATA: "A binary message came: this protocol is text.",
    CloseCode.INVALID_TEXT: "A text message was not UTF-8.",
    CloseCode.MESSAGE_TOO_BIG: f"A message had more than {messages.MESSAGE_BYTES_MAX} bytes.",
    CloseCode.RESTARTING: "The server restarts: resume; the reason may carry a delay.",
    CloseCode.TICKET_EXPIRED: "The ticket, or the host token, has expired: get a new one first.",
    CloseCode.BANNED: "A moderator showed this viewer out, or the room is for invited viewers now: "
    "do not come back.",
    CloseCode.ROOM_GONE: "The room is gone: it was a rehearsal. Do not come back.",
    CloseCode.TOO_SLOW: "More waited than is kept for one connection: come back and resume.",
    CloseCode.MISUSE: "What was sent is not of this protocol, again and again.",
    CloseCode.FLOODING: "Far more was sent than is allowed, although it was refused: wait first.",
}

#: What the reply to a command carries when it is ok, where it is more than a few words. A tuple:
#: one of these.
RESULTS: dict[type, Any] = {
    messages.CartAdd: HoldResult,
    messages.CartRemove: RemoveResult,
    messages.CartShow: CartResult,
    messages.LineJoin: (HoldResult, PlaceResult),
    messages.LotteryEnter: EntryResult,
    messages.Checkout: OrderResult,
    messages.OrderPay: OrderResult,
    messages.SlotsShow: SlotsResult,
    messages.SlotChoose: SlotChoice,
}
COMMANDS: tuple[Any, ...] = get_args(messages.AnyViewerMessage)
DESK_FRAMES: tuple[Any, ...] = (
    views.DeskOpened,
    views.ServerTime,
    views.LedgerChanged,
    views.RoomCreated,
    views.ViewerMuted,
    views.ViewerBanned,
    views.Invitations,
)
_BOUND = "Ordered by `seq`; recoverable with `epoch` and `since`; never left out."


def document(gateway_url: str, desk_url: str) -> dict[str, Any]:
    """The document as a dict, ready for JSON. The addresses are `ws://host[:port][/path]`."""
    frames = (*messages.COMMERCE_FRAMES, *messages.PRIVATE_FRAMES, *messages.BEST_EFFORT_FRAMES)
    told = (*COMMANDS, *frames, *DESK_FRAMES)
    results = (kind for result in RESULTS.values() for kind in _kinds_of(result))
    schemas = Schemas((*told, *results, ErrorCode, RoomId))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Livestream viewer protocol",
            "version": __version__,
            "description": (
                "UTF-8 JSON text frames. Money is an integer in minor units with its currency; "
                "times end in `_ms`, milliseconds since the Unix epoch. A command carries its "
                "sender's own `id`; a repeat gets the first answer. Unknown frame types must be "
                "ignored: later versions may add some."
            ),
            "license": {"name": "Apache License 2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "gateway": _server(gateway_url, "Viewers connect here."),
            "control": _server(desk_url, "The host's panel connects here."),
        },
        "channels": {
            "live": _live(schemas, (*COMMANDS, *frames)),
            "desk": _desk(schemas),
        },
        "operations": {
            **{_camel("receive", tag_of(kind)): _command(kind) for kind in COMMANDS},
            "sendAnnouncements": _send(
                "live", messages.COMMERCE_FRAMES, f"Commerce lane. {_BOUND}"
            ),
            "sendPrivately": _send("live", messages.PRIVATE_FRAMES, "To one viewer."),
            "sendBestEffort": _send(
                "live",
                messages.BEST_EFFORT_FRAMES,
                "Chat is left out and the pulse replaced for a viewer who is behind.",
            ),
            "sendDesk": _send("desk", _desk_told(), "What a panel draws and what changes."),
        },
        "components": {
            "messages": {kind.__name__: _message(kind, schemas) for kind in told},
            "schemas": schemas.components,
            "securitySchemes": {
                "ticket": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "A signed ticket; without one the viewer is a guest, who may "
                    "watch.",
                },
                "hostToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _server(url: str, description: str) -> dict[str, Any]:
    protocol, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    server = {"host": host, "protocol": protocol, "description": description}
    return server | ({"pathname": slash + path} if path else {})


def _live(schemas: Schemas, told: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "address": "/live/{room}",
        "title": "One room, live",
        "description": (
            f"Subprotocol `{messages.SUBPROTOCOL}`, echoed when offered. The first frame is "
            "`welcome`. Instead of the upgrade: 401 bad ticket, 403 banned, not invited, a ticket "
            "for another room, or an origin that is not allowed, 404 no such room, 503 with "
            "Retry-After when full."
        ),
        "servers": [{"$ref": "#/servers/gateway"}],
        "parameters": {"room": {"description": _room_description(schemas)}},
        "messages": _references(told),
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "description": "A client that comes back gives `epoch` and `since` together.",
                    "properties": {
                        "ticket": {
                            "type": "string",
                            "maxLength": TOKEN_CHARACTERS_MAX,
                            "description": "A signed ticket; absent: a guest.",
                        },
                        "epoch": {
                            "type": "integer",
                            "minimum": 0,
                            "description": "The latest epoch that the client heard of.",
                        },
                        "since": {
                            "type": "integer",
                            "minimum": 0,
                            "description": "The seq of the last frame that the client has.",
                        },
                    },
                },
                "bindingVersion": "0.1.0",
            }
        },
        "x-close-codes": [
            {"code": code.value, "name": code.name.lower(), "description": text}
            for code, text in CLOSE_CODES.items()
        ],
        "x-error-codes": [{"code": code.value, "retryable": code.retryable} for code in ErrorCode],
    }


def _room_description(schemas: Schemas) -> str:
    return f"The room's name, as `{schemas.of(RoomId)['pattern']}`."


def _desk(schemas: Schemas) -> dict[str, Any]:
    return {
        "address": desk_feed.PATH,
        "title": "The desk of one room",
        "description": (
            "Needs a host token of any role, as `Authorization: Bearer <token>` or, in browsers, "
            f"as an offered subprotocol `bearer.<token>` beside `{desk_feed.SUBPROTOCOL}`, which "
            "is the one that is echoed; or a session's cookie, from a page of this server. The "
            "first frame is `desk`. Closes: 1012 restart, 1013 try again later, 4001 the token has "
            "expired or its holder has signed out, 4004 the room was wiped, 4008 "
            "too slow."
        ),
        "servers": [{"$ref": "#/servers/control"}],
        "parameters": {"room": {"description": _room_description(schemas)}},
        "messages": _references(_desk_told()),
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _desk_told() -> tuple[Any, ...]:
    return (*DESK_FRAMES, *messages.COMMERCE_FRAMES, *messages.BEST_EFFORT_FRAMES)


def _references(kinds: tuple[Any, ...]) -> dict[str, Schema]:
    return {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds}


def _message(kind: Any, schemas: Schemas) -> dict[str, Any]:
    return {
        "name": kind.__name__,
        "title": " / ".join(types_of(kind, schemas)),
        "summary": summary_of(kind),
        "payload": schemas.of(kind),
    }


def types_of(kind: Any, schemas: Schemas) -> list[str]:
    """The values of `type` that a message of this kind may have."""
    schema = schemas.components[schemas.of(kind)["$ref"].rsplit("/", 1)[1]]
    values: list[str] = schema["properties"]["type"]["enum"]
    return values


def _command(kind: Any) -> dict[str, Any]:
    operation = {
        "action": "receive",
        "channel": {"$ref": "#/channels/live"},
        "summary": summary_of(kind),
        "messages": [{"$ref": f"#/channels/live/messages/{kind.__name__}"}],
        "reply": {
            "channel": {"$ref": "#/channels/live"},
            "messages": [{"$ref": "#/channels/live/messages/Reply"}],
        },
    }
    result = RESULTS.get(kind)
    if result is not None:
        told = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in _kinds_of(result)]
        operation["x-result"] = told[0] if len(told) == 1 else {"oneOf": told}
    return operation


def _kinds_of(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _send(channel: str, kinds: tuple[Any, ...], description: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "description": description,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{kind.__name__}"} for kind in kinds],
    }


def _camel(verb: str, tag: str) -> str:
    return verb + "".join(part.capitalize() for part in tag.replace("_", ".").split("."))
