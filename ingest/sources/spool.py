"""Where a source that must see its whole file before its first outcome keeps what it has read, so as to read it once.

Rows are kept in blocks, each encoded at once: in memory while they are few, then in a file without a name, which is
gone when it is closed or the process dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec

# A history of some fifty thousand rows stays in memory; a longer one costs a fifth of its file on disk.
IN_MEMORY = 8 * 1024 * 1024
_LENGTH_BYTES = 8

Block = TypeVar("Block")


class Spool(Generic[Block]):
    """Blocks of one type, in the order they were put; they may be read more than once."""

    def __init__(self, block: type[Block]) -> None:
        # Closed by __exit__.
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(block).decode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, block: Block) -> None:
        encoded = self._encode(block)
        self._file.write(len(encoded).to_bytes(_LENGTH_BYTES, "big"))
        self._file.write(encoded)

    def __iter__(self) -> Iterator[Block]:
        self._file.seek(0)
        while length := self._file.read(_LENGTH_BYTES):
            yield self._decode(self._file.read(int.from_bytes(length, "big")))
