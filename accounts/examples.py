"""What the OpenAPI document shows of each answer. A test reads every one of them as what it is an example of."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

ME = {
    "clerk_id": "user_2NNEqL2nrIRdJ194ndJqAHwEfxC",
    "display_name": "Ana",
    "timezone": "Europe/Berlin",
    "day_start_hour": 4,
    "joined_at": "2024-05-01T18:15:00Z",
}
ME_CHANGE = {"timezone": "Europe/Berlin", "day_start_hour": 4}
NEW_TOKEN = {"name": "Living room", "scopes": ["records:write"], "days": 365}
TOKEN = {
    "id": "u5Qk0Zr3Ls",
    "starts_with": "wt_u5Qk0Zr3Ls",
    "name": "Living room",
    "scopes": ["records:write"],
    "created_at": "2024-05-01T18:20:00Z",
    "expires_at": "2025-05-01T18:20:00Z",
    "last_used_at": None,
}
ISSUED_TOKEN = {"token": "wt_u5Qk0Zr3Ls_...", **TOKEN}
TOKENS = {"results": [{**TOKEN, "last_used_at": "2024-05-03T09:00:00Z"}]}
REVOKED = {"revoked": 3}
CLOSED = {
    "receipt": "5d41402abc4b2a76b9719d911017c592",
    "requested_at": "2024-05-01T18:30:00Z",
    "finished_at": None,
    "erased": {},
    "held": {"watch_records": 20418, "videos": 11502, "channels": 973, "uploads": 2, "accounts": 1},
}
ERASED = {
    "receipt": "5d41402abc4b2a76b9719d911017c592",
    "requested_at": "2024-05-01T18:30:00Z",
    "finished_at": "2024-05-01T18:30:04Z",
    "erased": {"watch_records": 20418, "videos": 11502, "channels": 973, "uploads": 2, "files": 1, "accounts": 1},
}
WEBHOOK = {"outcome": "closed"}


def answer(value: dict[str, Any], status: int = 200) -> OpenApiExample:
    return OpenApiExample("An answer", value, response_only=True, status_codes=[str(status)])


def request(value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample("A request", value, request_only=True)
