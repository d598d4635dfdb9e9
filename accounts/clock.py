"""Somebody's time zone and day start."""

from __future__ import annotations

from accounts import hooks
from accounts.models import User


def change_clock(user: User, timezone: str, day_start_hour: int) -> bool:
    """Count this person's days by another clock; whether that is done, or else will be, in the background."""
    done = [change(user, timezone, day_start_hour) for change in hooks.changing_clock.registered]
    return all(done)
