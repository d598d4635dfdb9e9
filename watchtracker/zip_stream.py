"""A zip that is written while it is sent, so that neither memory nor disk has to hold it. Knows no Django."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zipfile import ZIP_DEFLATED, ZipFile

# Name and content of one file in it.
Member = tuple[str, Iterable[bytes]]

# So much is gathered before it is sent.
PIECE = 64 * 1024


class Outlet:
    """What ZipFile takes for a file that cannot be sought in: it collects what is to be sent next."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        pass

    def drain(self, at_least: int = 1) -> Iterator[bytes]:
        if len(self._waiting) >= at_least:
            yield bytes(self._waiting)
            self._waiting.clear()


def zip_stream(members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of the archive. Its directory comes last: one that was cut off on its way is seen to be no zip."""
    outlet = Outlet()
    with ZipFile(outlet, "w", ZIP_DEFLATED) as archive:  # type: ignore[call-overload]  # it asks for no more than this
        for name, content in members:
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in content:
                    member.write(piece)
                    yield from outlet.drain(PIECE)
    yield from outlet.drain()
