"""The `Idempotency-Key` of a call: the caller's own name for a change, so that it is made once.

The header is the one of the IETF's draft (draft-ietf-httpapi-idempotency-key-header); the word may
stand in quotes, as there, or without. The room's engine remembers what was done under it
(`livestream.once`).

Owns the header. Refuses to know what is asked: that is one word here, made of the whole request.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from cart.bounds import WORD
from livestream.commands import Once
from livestream.control.problems import Problem, invalid

HEADER: Final = "Idempotency-Key"
Key = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]

PARAMETER: Final[dict[str, Any]] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "Your own name for this change, for 1,000 changes of the room at least: a repeat with the "
        "same key is answered as the first time and not done again. What was refused may be asked "
        "again under its key; another call under it is a `conflict`."
    ),
}


async def once_of(request: web.Request) -> Once | Problem | None:
    """How the caller names the change; None when it has no name."""
    sent = request.headers.get(HEADER)
    if sent is None:
        return None
    bare = sent[1:-1] if len(sent) > 1 and sent[0] == sent[-1] == '"' else sent
    try:
        key = msgspec.convert(bare, Key)
    except msgspec.ValidationError as error:
        return invalid(f"{HEADER}: {error}")
    asked = sha256(f"{request.method} {request.path}\n".encode() + await request.read())
    return Once(key, asked.hexdigest()[:32])
