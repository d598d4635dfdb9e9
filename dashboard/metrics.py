"""The numbers that answers are made of, as docs/questions.md defines them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

PlayCount = Annotated[int, Meta(description="Records, without ads unless the ads were asked for.")]
Seconds = Annotated[int, Meta(description="The time that was observed; the sum over the plays it was observed for.")]
Share = Annotated[float | None, Meta(description="Of all plays of the period, from 0 to 1. Null if there are none.")]
Relative = Annotated[
    float | None, Meta(description="(now - before) / before, so 0.5 is half as many again. Null if before is 0.")
]
Rank = Annotated[int, Meta(description="By plays; equals share one (1, 1, 3), the one watched last comes first.")]
Id = Annotated[str, Meta(description="A 63-bit number, as text.", examples=["5577006791947779410"])]


def share(plays: int, of: int) -> float | None:
    return plays / of if of else None


def relative(now: int, before: int) -> float | None:
    return (now - before) / before if before else None
