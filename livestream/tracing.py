"""Traces with OpenTelemetry: one for each checkout, from the viewer's socket to the reply.

Off unless `tracing_endpoint` says where they go; then nothing here is imported, and gateway and
engine run without a single test for it (`gateway.traced` and `engine.traced` are chosen when a
process starts, not at each command). On it needs the extra `tracing`.

Owns OpenTelemetry and how spans are named across processes. Refuses to know what is traced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import structlog

from livestream import __version__
from livestream.config import Settings, SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanKind, Tracer

    # Not at run time: `serve` tells prometheus_client where to share before it is imported.
    from metrics.catalog import Role

log = structlog.get_logger()

#: Spans wait for at most this long, then they leave together.
SENT_EVERY_MS: Final = 1_000
#: Checkouts that wait to be sent, some 5 spans of about 1 KB in each process: 10 MB. What is more
#: is dropped: a trace is a help, not a record.
SPANS_WAITING_MAX: Final = 10_000
#: How long the collector may take; also what it adds to the end of a process while it is away.
SEND_TIMEOUT_S: Final = 2

#: Names of moments in a trace: text or a number.
Attributes = Mapping[str, str | int | float | bool]


class Tracing:
    """Spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("livestream", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self.server: SpanKind = SpanKind.SERVER
        self.producer: SpanKind = SpanKind.PRODUCER
        self.consumer: SpanKind = SpanKind.CONSUMER
        self.internal: SpanKind = SpanKind.INTERNAL

    def begin(self, name: str, kind: SpanKind, began_ns: int, attributes: Attributes) -> Span:
        """A new trace; its first span stays open until it is ended. Times are since the epoch."""
        return self._tracer.start_span(
            name, kind=kind, start_time=began_ns, attributes=dict(attributes)
        )

    def record(
        self,
        name: str,
        kind: SpanKind,
        parent: Span | str,
        times_ns: tuple[int, int],
        attributes: Attributes,
    ) -> Span:
        """Something that has begun and ended, within a span of this process or, by its address, of
        another's.
        """
        from opentelemetry.trace import set_span_in_context

        context = (
            self._propagator.extract({"traceparent": parent})
            if isinstance(parent, str)
            else set_span_in_context(parent)
        )
        began_ns, ended_ns = times_ns
        span = self._tracer.start_span(
            name, context, kind=kind, start_time=began_ns, attributes=dict(attributes)
        )
        span.end(ended_ns)
        return span

    def address_of(self, span: Span) -> str:
        """What another process needs to add to the trace (W3C Trace Context, `traceparent`)."""
        from opentelemetry.trace import set_span_in_context

        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span))
        return carrier["traceparent"]

    async def close(self) -> None:
        """Send what waits."""
        await asyncio.to_thread(self._provider.shutdown)


def open_tracing(settings: Settings, role: Role) -> Tracing | None:
    """Where this process's spans go; None when nobody wants them. After any fork: it has a thread.

    Raises:
        SettingsError: the extra is not installed.
    """
    if settings.tracing_endpoint is None:
        return None
    require_tracing(settings)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    service = {
        "service.namespace": "livestream",
        "service.name": f"livestream-{role}",
        "service.version": __version__,
    }
    provider = TracerProvider(resource=Resource.create(service), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=settings.tracing_endpoint, timeout=SEND_TIMEOUT_S)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=SPANS_WAITING_MAX,
            schedule_delay_millis=SENT_EVERY_MS,
            export_timeout_millis=SEND_TIMEOUT_S * 1_000,
        )
    )
    log.info("tracing.on", endpoint=settings.tracing_endpoint)
    return Tracing(provider)


def require_tracing(settings: Settings) -> None:
    """Say at once, and once, that traces are wanted and cannot be made.

    Raises:
        SettingsError: the extra is not installed.
    """
    if settings.tracing_endpoint is None:
        return
    try:
        import opentelemetry.exporter.otlp.proto.http
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError:
        raise SettingsError(
            "tracing_endpoint is set, but OpenTelemetry is not installed: "
            "pip install 'livestream-engine[tracing]'"
        ) from None
