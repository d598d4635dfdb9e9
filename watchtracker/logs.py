"""Log lines: JSON in production, plain under DEBUG; with the request's id, without secrets, on one line each.

In production they say nothing of what people watched, either: of an error they tell where it happened, and of a request
the route, for a path may be anything that somebody has typed.
"""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from accounts.tracebacks import discreet

# The id of the request being answered; empty outside one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

# JSON web tokens, personal tokens, webhook secrets and signatures, and passwords in URLs.
SECRETS = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+|\bwt_[A-Za-z0-9_]{8,}|\bwhsec_[A-Za-z0-9+/=]+|\bv1,[A-Za-z0-9+/=]{16,}|(?<=://)[^\s/@]+:[^\s/@]+(?=@)"
)
# PostgreSQL repeats the failing row, and so what somebody watched, in the second line of its errors.
ROW_CONTENTS = re.compile(r"^(DETAIL|CONTEXT|HINT):.*$\n?", re.MULTILINE)

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

# What `logger.info(..., extra={...})` may add to a JSON line.
EXTRA_FIELDS = ("method", "route", "status", "milliseconds", "user", "upload", "reason")


def redact(text: str) -> str:
    return SECRETS.sub("[redacted]", text)


class PlainFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")

    def formatException(self, ei: ExceptionInfo) -> str:
        return ROW_CONTENTS.sub("", super().formatException(ei))

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = message_of(record)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(PlainFormatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": ROW_CONTENTS.sub("", message_of(record)).rstrip("\n"),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= {name: record.__dict__[name] for name in EXTRA_FIELDS if name in record.__dict__}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False, default=str))

    def formatException(self, ei: ExceptionInfo) -> str:
        return "" if ei[1] is None else discreet(ei[1])


def message_of(record: logging.LogRecord) -> str:
    """With the route in place of the path that was asked for, which may be anything that somebody has typed."""
    message = record.getMessage()
    request: Any = getattr(record, "request", None)
    path = getattr(request, "path", "")
    if not path or not message.endswith(path):
        return message
    match = getattr(request, "resolver_match", None)
    return f"{message.removesuffix(path)}/{match.route if match else ''}"
