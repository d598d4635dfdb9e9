"""python -m benchmarks [parse] [load] [post] [questions] [unchanged] [--quick]: all measurements, or those named."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def parse(quick: bool) -> None:
    for cards in (5_000,) if quick else (50_000, 500_000):
        _run("parse", str(cards))


def load(quick: bool) -> None:
    _on_both_databases("load", "10000" if quick else "200000")


def post(quick: bool) -> None:
    _on_both_databases("post", "2000" if quick else "50000")


def questions(quick: bool) -> None:
    _on_both_databases("questions", *(("1000", "10000") if quick else ("10000", "100000", "1000000")))


def unchanged(quick: bool) -> None:
    _on_both_databases("unchanged", "300" if quick else "3000")


MEASUREMENTS: dict[str, Callable[[bool], None]] = {
    "parse": parse,
    "load": load,
    "post": post,
    "questions": questions,
    "unchanged": unchanged,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measurements", nargs="*", choices=[[], *MEASUREMENTS])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works; no figures to quote")
    arguments = parser.parse_args()
    for name in arguments.measurements or MEASUREMENTS:
        MEASUREMENTS[name](arguments.quick)


def _on_both_databases(*arguments: str) -> None:
    _run(*arguments)
    _run(*arguments, before=(sys.executable, "scripts/with_postgres.py"))


def _run(measurement: str, *arguments: str, before: tuple[str, ...] = ()) -> None:
    """Each measurement in a process and a folder of its own, so that none inherits another's memory or database."""
    with tempfile.TemporaryDirectory(prefix="watchtracker-bench-") as folder:
        environment = os.environ | {
            "VAR_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "watchtracker.settings",
            # A debug server keeps every statement it runs.
            "DEBUG": "False",
            "SECRET_KEY": "a key for measurements only, as long as a real one has to be",
            "ALLOWED_HOSTS": "localhost",
        }
        environment.pop("DATABASE_URL", None)
        command = [*before, sys.executable, "-m", f"benchmarks.{measurement}", *arguments]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()
