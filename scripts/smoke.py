#!/usr/bin/env python
"""Does it really run? `make run` in a clean checkout, then one question over HTTP with a real token.

The checkout has an environment and a var/ of its own, so that what runs is what a new machine would run: the committed
files and requirements.txt, and nothing that tests brought along.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Installing takes ten seconds, the demo history a few more; a busy machine is slower.
START_SECONDS = 300
STOP_SECONDS = 40


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="watchtracker-smoke-") as name:
        checkout = Path(name) / "checkout"
        subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
        port = free_port()
        environment = without_settings(os.environ)
        command = ["make", "run", f"PORT={port}"]
        server = subprocess.Popen(command, cwd=checkout, env=environment, start_new_session=True)
        try:
            wait_until_ready(server, f"http://localhost:{port}/readyz")
            command = [".venv/bin/python", "manage.py", "dev_session", "--user", "demo"]
            token = subprocess.check_output(command, cwd=checkout, env=environment, text=True).strip()
            answer = ask(f"http://localhost:{port}/api/v1/dashboard/summary/?period=all", token)
            plays = answer["kpis"]["plays"]
            if not plays:
                sys.exit("The demo history has no plays.")
            print(f"It runs: {plays:,} plays.")
        finally:
            stop(server)


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """A new machine has none of our settings."""
    ours = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    return {name: value for name, value in environment.items() if name not in ours}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"make run ended with exit code {server.returncode}.")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"The server was not ready within {START_SECONDS} seconds.")


def ask(url: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            body: dict[str, Any] = json.load(answer)
            return body
    except urllib.error.HTTPError as error:
        sys.exit(f"{url} answered {error.code}: {error.read().decode()}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C in a terminal does: make and everything under it."""
    if server.poll() is not None:
        return
    os.killpg(server.pid, signal.SIGINT)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        sys.exit(f"The server did not stop within {STOP_SECONDS} seconds.")


if __name__ == "__main__":
    main()
