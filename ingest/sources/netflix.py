"""What Netflix's two viewing histories have in common: what is the same title, and what a title comes to.

ViewingActivity.csv names an episode with its number, "Suits: Season 2: Normandy (Episode 15)"; the same one is "Suits:
Season 2: Normandy" in NetflixViewingHistory.csv. Both have to come to the same item and video, so that number is no
part of what identifies them. The title itself is kept as it stands.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ingest.records import Video, title_key

PLATFORM = "netflix"
PRODUCT = "Netflix"

# "Episode 15", "Folge 15", "第15話": letters and one number.
_EPISODE = re.compile(r"(?=.*[^\W\d_])\D*\d{1,5}\D*")
# Series, season and name. Only then is a number in parentheses an episode's: films end in "(Part 2)", too.
_PARTS_OF_AN_EPISODE = 3


def without_episode(title: str) -> str:
    """The title as both files have it."""
    if not title.endswith(")") or title.count(": ") < _PARTS_OF_AN_EPISODE - 1:
        return title
    name, _, inside = title[:-1].rpartition("(")
    return name.rstrip() if _EPISODE.fullmatch(inside) else title


@lru_cache(maxsize=100)
def same(profile: str) -> str:
    """Equal for spellings of a profile's name between which nobody sees a difference, and without a bar in it."""
    return title_key(profile).removeprefix("title:").replace("|", "/")


def watched(profile: str, title: str) -> tuple[str, Video]:
    """The item, which is who watched what, and the video. Neither file has Netflix's own ids."""
    key = title_key(without_episode(title))
    return f"{same(profile)}|{key.removeprefix('title:')}", Video(PLATFORM, key, title)
