"""How a process speaks to its operators: human on a terminal, JSON lines otherwise.

Owns the one set-up of structlog, through which the standard library's logging goes too, so
that a line of a dependency looks like one of ours. Knows nothing of what is logged. Lines go
to standard error: standard output belongs to what a command was asked for.

A module takes its logger with `structlog.get_logger()` and names an event in the past tense,
with what belongs to it as fields: `log.warning("engine.fenced", room=room, epoch=epoch)`.
"""

import logging
import os
import sys
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from livestream.config import Settings


def configure(settings: Settings, role: str, stream: TextIO | None = None) -> None:
    """Set this process's logging up as `role`; done again (after a fork), it replaces the last.

    `stream` is standard error unless given.
    """
    stream = stream or sys.stderr
    human = settings.log_format == "human" or (settings.log_format == "auto" and stream.isatty())
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _add_origin(role),
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if human else "iso", utc=not human),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Loggers are made at import, before this is known: they must not keep what they saw.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_human(stream) if human else _json()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)


def _add_origin(role: str) -> Processor:
    pid = os.getpid()

    def add_origin(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        # `role` is also a word of the room (a viewer's role), so the process has `process`.
        event["process"] = role
        event["pid"] = pid
        return event

    return add_origin


# Tracebacks are shown without local variables: among those are tickets and the signing key.


def _human(stream: TextIO) -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _json() -> list[Processor]:
    return [
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        structlog.processors.EventRenamer("message", "event_name"),
        structlog.processors.JSONRenderer(serializer=_dumps),
    ]


def _dumps(event: EventDict, default: object = None, **_options: object) -> str:
    """One line. What JSON has no word for is shown as Python would: a log line never fails."""
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
