"""The web server: waitress. It goes on serving while clients send slowly, so no proxy is needed to be safe."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import waitress
from django.conf import settings

# SQLite takes one writer at a time and PostgreSQL answers in milliseconds: more threads would wait, not work.
THREADS = 8
# Slow clients cost a connection each and no thread. Each may use three files; systems allow 1,024 and more.
CONNECTIONS = 300
# A connection that says nothing for so long is closed.
SILENT_SECONDS = 30
# A session token has up to 8 KB, and browsers send some more.
HEADER_BYTES = 32 * 1024
# What a multipart body has around its file.
ENVELOPE_BYTES = 64 * 1024


def serve(host: str, port: int) -> None:
    """Serves until SIGTERM or Ctrl-C; requests being answered are finished first, for up to 5 seconds."""
    from watchtracker.wsgi import application

    signal.signal(signal.SIGTERM, stop)
    waitress.serve(
        application,
        host=host,
        port=port,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=SILENT_SECONDS,
        max_request_header_size=HEADER_BYTES,
        max_request_body_size=settings.UPLOAD_MAX_BYTES + ENVELOPE_BYTES,
        asyncore_use_poll=True,
        # X-Forwarded-... from clients themselves never reaches the application.
        clear_untrusted_proxy_headers=settings.TRUSTED_PROXY_COUNT == 0,
        expose_tracebacks=False,
        ident="",
    )


def stop(signum: int, frame: FrameType | None) -> None:
    # Waitress takes a SystemExit as the sign to finish what it has begun.
    sys.exit(0)
