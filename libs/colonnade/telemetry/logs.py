"""JSON lines on stderr; the standard library's ``logging`` (uvicorn, grpc, alembic ...) goes the same way."""

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TypeAlias

import structlog
from opentelemetry import trace

from colonnade.errors import InvalidArgument
from colonnade.telemetry.context import current_request_id
from colonnade.telemetry.redaction import redact

Logger: TypeAlias = structlog.stdlib.BoundLogger
Event: TypeAlias = MutableMapping[str, Any]

LEVELS = ("debug", "info", "warning", "error", "critical")
_OWN = "colonnade"
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic")
_CHATTY = ("httpx", "httpcore", "asyncio", "hpack", "opentelemetry")


def get_logger(name: str) -> Logger:
    """A logger whose keyword arguments become fields: ``log.info("model loaded", model=name)``."""
    return structlog.stdlib.get_logger(name)


def configure(service: str, log_level: str) -> None:
    """Routes every log line of this process to stderr as JSON, from ``log_level`` up. May be called again."""
    level = _level(log_level)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_context(service),
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30)
        ),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            _hand_over,
        ],
        logger_factory=_Lines,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _drop_colours, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, _render],
    )
    _route(level, formatter)
    _leave_out_what_is_not_shown()


def _level(name: str) -> int:
    if name.lower() not in LEVELS:
        raise InvalidArgument(
            f"log_level must be one of {', '.join(LEVELS)}", field="log_level", allowed=LEVELS
        )
    return logging.getLevelNamesMapping()[name.upper()]


def _leave_out_what_is_not_shown() -> None:
    """What the standard library looks up for every line: its own manual has these switches."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _route(level: int, formatter: logging.Formatter) -> None:
    root = logging.getLogger()
    for handler in [known for known in root.handlers if isinstance(known, _Stderr)]:
        root.removeHandler(handler)
    handler = _Stderr()
    handler.setFormatter(formatter)
    root.addHandler(handler)
    root.setLevel(max(level, logging.INFO))  # below that, libraries tell what people said: values in SQL
    logging.getLogger(_OWN).setLevel(level)
    for name in _OWN_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


class _Lines:
    """What the platform's own loggers write to: as ``_Stderr``, without the standard library's records, which
    cost more than all the rest of a line."""

    def __init__(self, name: str = "") -> None:
        self._known_as = logging.getLogger(name)

    def __getattr__(self, name: str) -> Any:
        """Its name and its level are those of the standard library's logger."""
        return getattr(self._known_as, name)

    def write(self, event: Event) -> None:
        try:
            sys.stderr.write(_render(self, "", dict(redact(self, "", event))) + "\n")
            sys.stderr.flush()
        except Exception:
            if logging.raiseExceptions:
                traceback.print_exc()

    debug = info = warning = error = exception = critical = write


def _hand_over(_logger: Any, _method: str, event: Event) -> tuple[tuple[Event], dict[str, Any]]:
    return (event,), {}


class _Stderr(logging.Handler):
    """Writes each line whole to whatever ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def _drop_colours(_logger: Any, _method: str, event: Event) -> Event:
    """uvicorn says everything twice, once for terminals."""
    event.pop("color_message", None)
    return event


def _add_context(service: str) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, event: Event) -> Event:
        event["service"] = service
        if request_id := current_request_id():
            event.setdefault("request_id", request_id)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = trace.format_trace_id(context.trace_id)
            event["span_id"] = trace.format_span_id(context.span_id)
        return event

    return add


_FIRST = ("timestamp", "level", "service", "logger", "event")


def _render(_logger: Any, _method: str, event: Event) -> str:
    ordered = {name: event.pop(name) for name in _FIRST if name in event}
    # ASCII escapes keep line breaks and lone surrogates from breaking or forging a line.
    return json.dumps(ordered | dict(event), ensure_ascii=True, allow_nan=False)


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        logging.getLogger("colonnade").critical("uncaught exception", exc_info=(kind, error, traceback))
