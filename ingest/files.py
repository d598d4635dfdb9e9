"""The files people upload: outside the web root, readable by this user only, named by owner and content.

One person's equal files are one file, however often they are uploaded or retried. Nothing here is ever named by what a
client sent.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

# What a server that was killed left half received.
ABANDONED_SECONDS = 24 * 3600
INCOMING = "incoming"


class Arriving:
    """A file while it comes in: written, counted and hashed as it is received."""

    def __init__(self) -> None:
        self.path = _folder(INCOMING) / secrets.token_hex(16)
        self.size = 0
        self._digest = hashlib.sha256()
        self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._digest.update(piece)
        self.size += len(piece)

    def complete(self) -> None:
        """What is acknowledged later must not be lost with the machine's memory."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def keep(self, user_id: int) -> None:
        """Make it the file of this person and content."""
        place = path_of(user_id, self.sha256)
        self.path.replace(place)
        _sync(place.parent)

    def discard(self) -> None:
        """Remove it, unless it was kept."""
        with suppress(OSError):
            # What was still to be written may have no room.
            self._file.close()
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Kept:
    """A file as it lies there. `since` is in seconds since 1970."""

    user_id: int
    sha256: str
    size: int
    since: float


def open_file(user_id: int, sha256: str) -> BinaryIO:
    """Raises FileNotFoundError."""
    return path_of(user_id, sha256).open("rb")


def is_kept(user_id: int, sha256: str) -> bool:
    return path_of(user_id, sha256).is_file()


def used_by(user_id: int) -> int:
    """How many bytes one person's files take."""
    return sum(kept.size for kept in _in(_folder(str(user_id))))


def free_bytes() -> int:
    return shutil.disk_usage(_folder(INCOMING)).free


def kept_files() -> Iterator[Kept]:
    for folder in _root().iterdir():
        if folder.name != INCOMING and folder.is_dir():
            yield from _in(folder)


def remove(user_id: int, sha256: str) -> None:
    path_of(user_id, sha256).unlink(missing_ok=True)


def remove_abandoned() -> None:
    for path in _folder(INCOMING).iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                path.unlink()


def path_of(user_id: int, sha256: str) -> Path:
    return _folder(str(user_id)) / sha256


def _in(folder: Path) -> Iterator[Kept]:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            stat = path.stat()
            yield Kept(int(folder.name), path.name, stat.st_size, stat.st_mtime)


def _root() -> Path:
    root: Path = settings.UPLOAD_DIR
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root


def _folder(name: str) -> Path:
    folder = _root() / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _sync(folder: Path) -> None:
    """A file's new name is part of its folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
