"""The admin of people, their tokens, and what operators did."""

from . import audit, clerk, tokens, users

__all__ = ["audit", "clerk", "tokens", "users"]
