"""What an error of the database or of the disk says about the machine: nothing can be kept at the moment."""

from __future__ import annotations

import errno
import sqlite3

import psycopg

NO_ROOM = "There is no room to keep anything at the moment; the operator can make some. Nothing was changed."
READ_ONLY = "Nothing can be written at the moment, only read. Nothing was changed; try again later."

_SQLITE = {sqlite3.SQLITE_FULL: NO_ROOM, sqlite3.SQLITE_READONLY: READ_ONLY}
_SYSTEM = {errno.ENOSPC: NO_ROOM, errno.EDQUOT: NO_ROOM, errno.EROFS: READ_ONLY}


def is_mistaken(error: BaseException) -> bool:
    """Whether SQLite found the statement wrong, a table missing: it calls that an OperationalError like an outage."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def cannot_write(error: BaseException) -> str | None:
    """The sentence for an error that lasts until somebody acts; None for any other."""
    # Django's own error has the driver's as its cause.
    match error.__cause__ or error:
        case sqlite3.Error(sqlite_errorcode=int(code)):
            return _SQLITE.get(code & 0xFF)
        case psycopg.errors.DiskFull():
            return NO_ROOM
        case psycopg.errors.ReadOnlySqlTransaction():
            return READ_ONLY
        case OSError(errno=int(number)):
            return _SYSTEM.get(number)
    return None
