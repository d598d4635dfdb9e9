"""Answers that are kept for whoever asks the same again before the history changes, under the name that etags.py gives.

That name changes with everything that could change the answer, so nothing has to be forgotten: what nobody asks for any
more falls out of the cache by itself.
"""

from __future__ import annotations

import logging
import time

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger("watchtracker.cache")

# A dashboard is looked at again within the day, if at all.
KEPT_SECONDS = 24 * 3600
# A page of a hundred records has about 60,000; the memory cache holds 300 answers.
LONGEST_KEPT = 200_000
# While the cache is down, it is tried again after so many seconds. In between nobody waits for it.
PAUSE_SECONDS = 5.0


class Pause:
    """Until when the cache is left alone."""

    until = 0.0


def kept(tag: str) -> bytes | None:
    if time.monotonic() < Pause.until:
        return None
    try:
        answer: bytes | None = cache.get(_key(tag))
    except (RedisError, OSError) as error:
        _pause(error)
        return None
    return answer


def keep(tag: str, answer: bytes) -> None:
    if len(answer) > LONGEST_KEPT or time.monotonic() < Pause.until:
        return
    try:
        cache.set(_key(tag), answer, KEPT_SECONDS)
    except (RedisError, OSError) as error:
        _pause(error)


def _key(tag: str) -> str:
    return "answer:" + tag.strip('"')


def _pause(error: Exception) -> None:
    logger.warning("Answers are made anew each time: the cache does not answer: %s", error)
    Pause.until = time.monotonic() + PAUSE_SECONDS
