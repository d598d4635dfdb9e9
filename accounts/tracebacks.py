"""Where an error happened, without what was being read when it did.

What errors say often repeats it: `invalid literal for int() with base 10: 'A title'`. Titles say what people watched.
They belong neither into a log nor beside a job, where they would outlast their owner's account.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from django.db import DatabaseError, DataError, InterfaceError

# Errors that speak of the machine and not of what was being read. Of a database's, the first line.
OF_THE_MACHINE = (OSError, MemoryError, DatabaseError, InterfaceError)
WITHHELD = "(withheld)"


def discreet(error: BaseException) -> str:
    """The traceback of an error and of those it came from."""
    text = "".join(traceback.format_exception(error))
    # The longest first, for one may repeat another.
    for each in sorted(_chain(error), key=lambda each: len(str(each)), reverse=True):
        if said := str(each):
            text = text.replace(f": {said}", f": {_what_may_be_told(each)}")
    return text


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            yield current
            waiting += [current.__cause__, current.__context__]


def _what_may_be_told(error: BaseException) -> str:
    if not isinstance(error, OF_THE_MACHINE) or isinstance(error, DataError):
        return WITHHELD
    return str(error).partition("\n")[0]
