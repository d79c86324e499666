"""News that an external payment provider pushes: signed, remembered, and handed to the engine.

Any number of times, in any order, hours late: the engine decides what it means, and a message that
was answered is answered alike for a day without asking again. It is remembered once the engine's
answer is there, so a message that met a dead engine is not taken for done.

Owns that call. Refuses to know what a payment is.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Any, Final, NotRequired, TypedDict, cast

import msgspec

from cart.bounds import ANSWERS_KEPT_MS
from cart.order import PaymentStatus
from cart.outcome import ErrorCode
from livestream import keys, wire
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import STATUS_OF, Problem, forbidden, invalid, not_found, refused
from livestream.payments.news import command_of, read_news
from livestream.webhooks import Signer, Unsigned
from metrics import catalog

ACTOR: Final = "provider:external"
#: For as long as commands are: 100,000 messages in a day x about 300 bytes = 30 MB in Redis.
REMEMBERED_MS: Final = ANSWERS_KEPT_MS


class NewsTaken(TypedDict):
    """What became of it: the order, and where its payment is in its life now."""

    order_id: str
    payment: PaymentStatus
    refund_id: NotRequired[str]


async def take_news(control: Control, call: Call) -> Answer | Problem:
    """News of a payment or a refund from the provider, signed by Standard Webhooks."""
    settings = control.settings
    if settings.payment_provider != "external" or settings.payment_webhook_secret is None:
        return not_found("no payments are pushed here: the provider is not external")
    body = await call.request.read()
    message_id = Signer(settings.payment_webhook_secret).check(call.request.headers, body)
    if isinstance(message_id, Unsigned):
        catalog.PAYMENT_NEWS.labels("unsigned").inc()
        return forbidden(f"the message is not believed: {message_id.message}")
    digest = hashlib.sha256(body).hexdigest()
    key = keys.heard(hashlib.sha256(message_id.encode()).hexdigest())
    kept = cast(bytes | None, await control.redis.get(key))
    if kept is not None:
        catalog.PAYMENT_NEWS.labels("repeated").inc()
        return _as_before(wire.decode_frame(kept), digest)
    answer = await _tell_engine(control, body)
    if isinstance(answer, Answer):
        catalog.PAYMENT_NEWS.labels("taken").inc()
        remembered = wire.encode({"digest": digest, "answer": answer.body})
        await control.redis.set(key, remembered, px=REMEMBERED_MS, nx=True)
    else:
        catalog.PAYMENT_NEWS.labels("refused").inc()
    return answer


def _as_before(kept: dict[str, Any], digest: str) -> Answer | Problem:
    if kept["digest"] == digest:
        return Answer(kept["answer"])
    conflict = ErrorCode.CONFLICT
    reason = "this webhook-id was used with other content"
    return Problem(STATUS_OF[conflict], reason, conflict)


async def _tell_engine(control: Control, body: bytes) -> Answer | Problem:
    try:
        room, command = command_of(read_news(body))
    except msgspec.ValidationError as error:
        return invalid(str(error))
    except msgspec.DecodeError as error:
        return invalid(str(error), HTTPStatus.BAD_REQUEST)
    except RecursionError:
        return invalid("nested too deep", HTTPStatus.BAD_REQUEST)
    if not await control.redis.sismember(keys.ROOMS, room):
        return not_found("no such room")
    reply = await control.asker.ask(room, ACTOR, command)
    return Answer(reply["result"]) if reply["ok"] else refused(reply["error"])
