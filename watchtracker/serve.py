"""The web server: waitress. It goes on serving while clients send slowly, so no proxy is needed to be safe."""

from __future__ import annotations

import gc
import signal
import sys
from types import FrameType

import waitress
from django.conf import settings
from django.urls import get_resolver
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import WSGITask

# SQLite takes one writer at a time and PostgreSQL answers in milliseconds: more threads would wait, not work.
THREADS = 8
# Slow clients cost a connection each and no thread. Each may use three files; systems allow 1,024 and more.
CONNECTIONS = 300
# A connection that says nothing for so long is closed, when it is looked for.
SILENT_SECONDS = 30
LOOK_SECONDS = 5
# A session token has up to 8 KB, and browsers send some more.
HEADER_BYTES = 32 * 1024
# What a multipart body has around its file.
ENVELOPE_BYTES = 64 * 1024


class OneLengthParser(HTTPRequestParser):  # type: ignore[misc]  # it ships no types
    """Refuses a body that states a length and comes in chunks, or comes in chunks where there are none (HTTP/1.0).

    Whoever takes such a request has to close the connection after it (RFC 9112, 6.1), which waitress does not: what
    follows might be a request that a proxy in front has taken for a part of the body.
    """

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if (self.chunked and "CONTENT_LENGTH" in self.headers) or "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("Transfer-Encoding is not possible here")


def serve(host: str, port: int) -> None:
    """Serves until SIGTERM or Ctrl-C; requests being answered are finished first, for up to 5 seconds."""
    from watchtracker.wsgi import application

    signal.signal(signal.SIGTERM, stop)
    HTTPChannel.parser_class = OneLengthParser
    HTTPChannel.task_class = Task
    # What is loaded stays, every view too. Garbage collection that looked at all of it made an answer wait a tenth of a
    # second.
    get_resolver().check()
    gc.freeze()
    waitress.serve(
        application,
        host=host,
        port=port,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=SILENT_SECONDS,
        cleanup_interval=LOOK_SECONDS,
        max_request_header_size=HEADER_BYTES,
        max_request_body_size=settings.UPLOAD_MAX_BYTES + ENVELOPE_BYTES,
        asyncore_use_poll=True,
        # X-Forwarded-... from clients themselves never reaches the application.
        clear_untrusted_proxy_headers=settings.TRUSTED_PROXY_COUNT == 0,
        expose_tracebacks=False,
        ident="",
    )


class Task(WSGITask):  # type: ignore[misc]  # it ships no types
    """Keeps the connection after an answer without a body (204, 304), whose end is known. Waitress would close it."""

    def set_close_on_finish(self) -> None:
        asked_to_close = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or self.version != "1.1" or asked_to_close:
            super().set_close_on_finish()


def stop(signum: int, frame: FrameType | None) -> None:
    # Waitress takes a SystemExit as the sign to finish what it has begun.
    sys.exit(0)
