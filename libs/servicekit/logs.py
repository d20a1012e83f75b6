"""JSON logs: one line an event, with service, process and correlation id. Never numbers or texts at info level."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from . import context


def get(name: str) -> Any:
    """A logger; call it as ``log.info("what_happened", key=value)``."""
    return structlog.get_logger(name)


def _add_correlation(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    current = context._correlation.get()
    if current:
        event.setdefault("correlation_id", current)
    return event


def configure(service: str, process: str, level: str = "info") -> None:
    """Send everything, the standard library's loggers too, to standard error as JSON lines."""
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_correlation,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

    def add_names(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"service": service, "process": process, **event}

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                add_names,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())
    for noisy in ("pika", "amqp", "kombu", "nameko"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It logs every refusal to a caller with a traceback; what is worth a line is logged by servicekit.service.
    logging.getLogger("nameko.containers").setLevel(logging.CRITICAL)
