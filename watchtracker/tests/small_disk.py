"""A disk so small that it can be filled: a tmpfs, for which a test must run as root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1024 * 1024


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filler = folder / "filler"

    def fill(self, but: int = 0) -> None:
        """Until so many bytes are left."""
        with self.filler.open("ab") as file:
            while (free := os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize) > but:
                file.write(bytes(min(free - but, MIB)))
                file.flush()

    def make_room(self) -> None:
        self.filler.unlink()


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[SmallDisk]:
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
