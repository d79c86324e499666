"""The outbox of a gateway that traces: each checkout from its arrival to its reply.

    checkout        from the viewer's message to the reply in its socket
      inbox.put     the entry that carries it into the room's inbox
      …             what the engine adds (`engine.traced`)
      reply         from the engine's answer at this gateway to the socket

Checkouts alone: only who holds something can check out, so a rush makes no more traces than there
are units. Everything else that a rush is made of passes untouched.

Owns these spans. Refuses to know where they go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from cart.outcome import Refusal
from livestream import wire
from livestream.commands import Envelope
from livestream.gateway.audience import Audience
from livestream.gateway.outbox import Outbox
from livestream.gateway.viewer import Viewer
from livestream.inbox import Inbox
from livestream.messages import Checkout, ShoppingMessage
from livestream.tracing import Tracing

if TYPE_CHECKING:
    from opentelemetry.trace import Span


class TracedOutbox(Outbox):
    """An `Outbox` with spans for checkouts."""

    def __init__(
        self, tracing: Tracing, inbox: Inbox, audience: Audience, now_ms: Callable[[], int]
    ) -> None:
        super().__init__(inbox, audience, now_ms)
        self._tracing = tracing
        #: Of checkouts under way, by conn: as bounded as those.
        self._spans: dict[int, Span] = {}

    def offer(self, room: str, viewer: Viewer, command: ShoppingMessage) -> Refusal | None:
        """As ever; a checkout that is taken begins a trace."""
        began_ns = time.time_ns()
        refusal = super().offer(room, viewer, command)
        if refusal is None and type(command) is Checkout:
            about = {"livestream.room": room, "livestream.channel": viewer.channel}
            span = self._tracing.begin("checkout", self._tracing.server, began_ns, about)
            self._spans[self._last_conn] = span
        return refusal

    async def _put(self, room: str, batch: list[Envelope]) -> None:
        spans = [self._spans[e.conn] for e in batch if e.conn in self._spans]
        if not spans:
            await super()._put(room, batch)
            return
        began_ns = time.time_ns()
        await self._inbox.put(room, batch, [self._tracing.address_of(span) for span in spans])
        times_ns, about = (began_ns, time.time_ns()), {"livestream.batch": len(batch)}
        for span in spans:
            self._tracing.record("inbox.put", self._tracing.producer, span, times_ns, about)

    def settle(self, replies: Iterable[tuple[int, Raw]]) -> None:
        """As ever; replies to checkouts end their traces."""
        replies = list(replies)
        began_ns = time.time_ns()
        super().settle(replies)
        if not self._spans:
            return
        ended_ns = time.time_ns()
        for conn, frame in replies:
            span = self._spans.pop(conn, None)
            if span is not None:
                self._tracing.record(
                    "reply", self._tracing.internal, span, (began_ns, ended_ns), {}
                )
                span.set_attribute("livestream.outcome", _outcome_of(wire.decode_frame(frame)))
                span.end(ended_ns)

    def _refuse(self, conns: list[int], refusal: Refusal) -> None:
        super()._refuse(conns, refusal)
        for conn in conns:
            span = self._spans.pop(conn, None)
            if span is not None:
                span.set_attribute("livestream.outcome", "unanswered")
                span.end()


def _outcome_of(reply: dict[str, Any]) -> str:
    return "ok" if reply["ok"] else str(reply["error"]["code"])
