"""The admin of people, their tokens, and what operators did."""

from . import audit_log, clerk, groups, tokens, users

__all__ = ["audit_log", "clerk", "groups", "tokens", "users"]
