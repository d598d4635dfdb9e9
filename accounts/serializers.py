"""What people may send about themselves and their tokens, and what they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.models import LATEST_DAY_START, AccessToken, Erasure, User
from accounts.scopes import Scope
from accounts.token_format import PREFIX
from accounts.tokens import DEFAULT_DAYS, MOST_DAYS

LONGEST_NAME = 100
LONGEST_DISPLAY_NAME = 150

# One line: no control characters. (In Python's patterns, $ alone would let a line break at the end pass.)
ONE_LINE = r"^[^\x00-\x1f\x7f]*(?!\n)$"
ONE_LINE_NOT_BLANK = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*(?!\n)$"


class Me(Struct, frozen=True, kw_only=True):
    """The person who asks."""

    clerk_id: str | None
    display_name: Annotated[str, Meta(description="As they said, or else as Clerk knows them; may be empty.")]
    timezone: Annotated[str, Meta(description="In which their days are counted.", examples=["Europe/Berlin"])]
    day_start_hour: Annotated[int, Meta(description="The hour at which a new day starts for them.")]
    joined_at: datetime

    @classmethod
    def of(cls, user: User) -> Me:
        return cls(
            clerk_id=user.clerk_id,
            display_name=user.shown_name,
            timezone=user.timezone,
            day_start_hour=user.day_start_hour,
            joined_at=user.date_joined,
        )


class MeChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change; what is left out stays."""

    display_name: (
        Annotated[
            str, Meta(max_length=LONGEST_DISPLAY_NAME, pattern=ONE_LINE, description="Empty: as Clerk knows them.")
        ]
        | UnsetType
    ) = UNSET
    timezone: Annotated[str, Meta(description="An IANA time zone.", examples=["Europe/Berlin"])] | UnsetType = UNSET
    day_start_hour: Annotated[int, Meta(ge=0, le=LATEST_DAY_START)] | UnsetType = UNSET

    def refuse_unknown_zone(self) -> None:
        """Raises ValidationError."""
        if self.timezone is not UNSET and self.timezone not in available_timezones():
            sentence = "It is no IANA time zone; write one like Europe/Berlin."
            raise ValidationError({"timezone": [ErrorDetail(sentence, "invalid")]})


class NewToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A personal token that somebody wants for a program of theirs."""

    name: Annotated[
        str,
        Meta(
            max_length=LONGEST_NAME,
            pattern=ONE_LINE_NOT_BLANK,
            description="What it is for.",
            examples=["Living room"],
        ),
    ]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=len(Scope), description="What it may do.")]
    days: (
        Annotated[int, Meta(ge=1, le=MOST_DAYS, description="How long it lives; null: until it is revoked.")] | None
    ) = DEFAULT_DAYS


class Token(Struct, frozen=True, kw_only=True):
    """A personal token, without its secret."""

    id: str
    starts_with: Annotated[str, Meta(description="To tell which one it is that lies somewhere.")]
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime, Meta(description="To within ten minutes.")] | None

    @classmethod
    def of(cls, row: AccessToken) -> Token:
        return cls(
            id=row.public_id,
            starts_with=f"{PREFIX}{row.public_id}",
            name=row.name,
            scopes=[Scope(scope) for scope in row.scopes],
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
        )


class IssuedToken(Token, frozen=True, kw_only=True):
    """A new personal token. `token` is shown here and never again."""

    token: Annotated[str, Meta(description="What goes into `Authorization: Bearer`.")]

    @classmethod
    def with_text(cls, row: AccessToken, text: str) -> IssuedToken:
        return cls(token=text, **asdict(Token.of(row)))


class TokenList(Struct, frozen=True, kw_only=True):
    """All tokens that work, the newest first."""

    results: list[Token]


class Revoked(Struct, frozen=True, kw_only=True):
    """How many tokens worked until now."""

    revoked: int


class ErasureReceipt(Struct, frozen=True, kw_only=True):
    """What becomes of an account that was deleted."""

    receipt: Annotated[str, Meta(description="The number to ask with; nobody else knows it.")]
    requested_at: datetime
    finished_at: Annotated[datetime, Meta(description="Null while the erasure is under way.")] | None
    erased: Annotated[dict[str, int], Meta(description="How many rows were erased so far, by table.")]

    @classmethod
    def of(cls, erasure: Erasure) -> ErasureReceipt:
        return cls(
            receipt=erasure.receipt,
            requested_at=erasure.requested_at,
            finished_at=erasure.finished_at,
            erased=erasure.erased,
        )


class AccountClosed(ErasureReceipt, frozen=True, kw_only=True):
    """The account is closed. What there is about the person is erased in the background."""

    held: Annotated[dict[str, int], Meta(description="How many rows there are to erase, by table.")]

    @classmethod
    def with_held(cls, erasure: Erasure, held: dict[str, int]) -> AccountClosed:
        return cls(held=held, **asdict(ErasureReceipt.of(erasure)))
