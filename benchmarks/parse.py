"""How fast is a Takeout page read, and in how much memory, beside whole-document parsers?

Every reader gives the same things of every card: address, title, channel and time as text; ours also decides what is a
watch, reads the time, and builds the records. Each runs in a process of its own, on one core.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.tables import show
from ingest.demo import write_takeout_page

# BeautifulSoup builds a gigabyte of objects for fifty thousand cards; more than that is no measurement of speed.
MOST_FOR_SOUP = 50_000


def ours(path: Path) -> int:
    from ingest.pipeline.detect import detect
    from ingest.records import Options

    with path.open("rb") as page:
        return sum(1 for _ in detect(page).read(Options()))


def selectolax(path: Path) -> int:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(path.read_bytes())
    read = []
    for card in tree.css("div.outer-cell"):
        body = card.css_first("div.content-cell.mdl-typography--body-1")
        links = body.css("a")
        lines = [line for line in body.text(deep=True, separator="\n").split("\n") if line.strip()]
        read.append(
            (
                links[0].attributes["href"] if links else None,
                links[0].text() if links else None,
                links[1].text() if len(links) > 1 else None,
                " ".join(lines[-1].split()),
            )
        )
    return len(read)


def beautifulsoup(path: Path) -> int:
    from bs4 import BeautifulSoup

    tree: Any = BeautifulSoup(path.read_bytes(), "lxml", from_encoding="utf-8")
    read = []
    for card in tree.find_all("div", class_="outer-cell"):
        body = card.find("div", class_="mdl-typography--body-1")
        links = body.find_all("a")
        lines = list(body.stripped_strings)
        read.append(
            (
                links[0]["href"] if links else None,
                links[0].get_text() if links else None,
                links[1].get_text() if len(links) > 1 else None,
                re.sub(r"\s+", " ", lines[-1]),
            )
        )
    return len(read)


READERS: dict[str, Callable[[Path], int]] = {
    "watchtracker": ours,
    "selectolax, whole document": selectolax,
    "BeautifulSoup with lxml": beautifulsoup,
}


def measure(reader: str, path: Path) -> dict[str, float]:
    """Cards, CPU seconds and peak memory in MiB of one reader in this process; imports are not counted."""
    READERS[reader](_tiny(path))
    started = time.process_time()
    cards = READERS[reader](path)
    seconds = time.process_time() - started
    return {"cards": cards, "seconds": seconds, "mib": _peak_mib()}


def _peak_mib() -> float:
    """Of this process alone; what getrusage tells begins with the peak of the process that started this one."""
    [kib] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kib) / 1024


def _tiny(path: Path) -> Path:
    """A page of a few cards, so that modules are loaded and tables built before the clock starts."""
    tiny = path.with_name("tiny.html")
    if not tiny.exists():
        _write(tiny, 20)
    return tiny


def _write(path: Path, cards: int) -> None:
    with path.open("wb") as page:
        write_takeout_page(page, cards, until=datetime(2026, 1, 1, 23, tzinfo=UTC), days=3650)


def main(cards: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        _write(path, cards)
        results = {}
        for reader in READERS:
            if reader.startswith("BeautifulSoup") and cards > MOST_FOR_SOUP:
                continue
            command = [sys.executable, "-m", "benchmarks.parse", "--one", reader, str(path)]
            # The best of three: what the machine does besides only ever adds.
            runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(3)]
            results[reader] = min(runs, key=lambda run: float(run["seconds"]))
        own = results["watchtracker"]
        size = path.stat().st_size / 2**20
        show(
            f"Reading a Takeout page of {own['cards']:,.0f} cards, {size:,.0f} MiB, on one core",
            ("reader", "cards/s", "peak MiB", "watchtracker is faster by"),
            [
                (
                    name,
                    f"{run['cards'] / run['seconds']:,.0f}",
                    f"{run['mib']:,.0f}",
                    f"{run['seconds'] / run['cards'] / (own['seconds'] / own['cards']):.1f}x",
                )
                for name, run in results.items()
            ],
        )


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]))))
    else:
        main(int(sys.argv[1]))
