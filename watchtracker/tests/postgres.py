"""A PostgreSQL of a test's own, to be stopped, killed and started again; programs as in scripts/with_postgres.py."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from .installation import ROOT, wait_until


def _script() -> Any:
    path = ROOT / "scripts" / "with_postgres.py"
    spec = importlib.util.spec_from_file_location("with_postgres", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


class Postgres:
    """Durable against its own death, as in production; not against the machine's, which no test here brings about."""

    def __init__(self, folder: Path, data: Path) -> None:
        script = _script()
        self.folder, self.data = folder, data
        self.run_as = script.drop_root(folder)
        self.programs = script.find_programs(folder, self.run_as)
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        how = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self.run("initdb", "-D", str(data), *how)

    def run(self, program: str, *arguments: str) -> None:
        with (self.folder / "commands").open("ab") as log:
            command = [str(self.programs / program), *arguments]
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd="/", **self.run_as)

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        arguments = ("-D", str(self.data), "-l", str(self.folder / "log"), "-o", options, "-w", "start")

        def started() -> bool:
            try:
                self.run("pg_ctl", *arguments)
            except subprocess.CalledProcessError:
                # It has started itself again; or processes of the one that was killed are not gone yet.
                return self.answers()
            return True

        wait_until(started)

    def stop(self, mode: str) -> None:
        """`fast` and `immediate` as pg_ctl has them; `kill` is kill -9."""
        if mode != "kill":
            self.run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")
            return
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def revive(self) -> None:
        """Started, whether or not it has given up."""
        self.end()
        self.start()

    def end(self) -> None:
        # What has given up by itself cannot be stopped.
        with suppress(subprocess.CalledProcessError):
            self.stop("immediate")

    def answers(self) -> bool:
        try:
            return bool(self.ask("SELECT 1"))
        except psycopg.OperationalError:
            return False

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as database:
            return database.execute(query).fetchall()


@contextmanager
def postgres(data: Path | None = None) -> Iterator[Postgres]:
    """One that runs. Its socket lies where its path is short; `data` is where its files are to be."""
    folder = Path(tempfile.mkdtemp(prefix="wtpg-", dir="/tmp" if Path("/tmp").is_dir() else None))
    try:
        server = Postgres(folder, data or folder / "data")
        server.start()
        try:
            yield server
        finally:
            server.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
