"""A collector of traces, as far as a test needs one: takes OTLP over HTTP and keeps the spans.

Owns the listening and the reading. Refuses to know what should be traced.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Span(NamedTuple):
    """One span as it was sent. Times are ns since the epoch."""

    name: str
    service: str
    trace: bytes
    id: bytes
    parent: bytes
    began_ns: int
    ended_ns: int
    attributes: dict[str, str | int]


class Collector:
    """Listens on a port that the kernel chooses, from `with` on."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.spans += _spans_of(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Not on the test's output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def traces(self) -> list[list[Span]]:
        """Spans by the trace that they are part of, in the order of their beginnings."""
        by_trace: defaultdict[bytes, list[Span]] = defaultdict(list)
        for span in sorted(self.spans, key=lambda span: span.began_ns):
            by_trace[span.trace].append(span)
        return list(by_trace.values())


def _spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        Span(
            span.name,
            _attributes(resource.resource.attributes)["service.name"],  # type: ignore[arg-type]  # it is text
            span.trace_id,
            span.span_id,
            span.parent_span_id,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            _attributes(span.attributes),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(pairs: Any) -> dict[str, str | int]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
