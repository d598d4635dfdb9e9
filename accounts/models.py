"""People, the Clerk ids that must not come back, and the tokens of people's programs."""

from datetime import datetime
from typing import Self
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

# A day may start as late as 6 in the morning: a film begun at 23:30 belongs to one evening.
LATEST_DAY_START = 6


def validate_timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("%(name)s is no IANA time zone; write one like Europe/Berlin.", params={"name": name})


class User(AbstractUser):
    """A person: signed in by Clerk (`clerk_id`), or an operator of the admin (none).

    Never matched by e-mail: addresses change hands. Nothing that changes with every request or every record lives here.
    """

    clerk_id = models.CharField(max_length=100, null=True, blank=True, help_text="Clerk's user id; case matters.")
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    day_start_hour = models.PositiveSmallIntegerField(
        default=0, help_text=f"Hour at which a new day starts, 0 to {LATEST_DAY_START}."
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            # One account a Clerk id: two first requests at once make one row.
            models.UniqueConstraint(fields=["clerk_id"], name="user_clerk_id_unique"),
            models.CheckConstraint(
                condition=models.Q(day_start_hour__gte=0, day_start_hour__lte=LATEST_DAY_START),
                name="user_day_start_hour_range",
            ),
        ]


class Tombstone(models.Model):
    """A deleted Clerk id: a session token that outlives the account must not bring it back."""

    clerk_id = models.CharField(max_length=100, primary_key=True)
    deleted_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.clerk_id


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user)

    def live(self, now: datetime) -> Self:
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now), revoked_at=None)

    def revoke(self, now: datetime) -> int:
        """How many were live until `now`. Revoked tokens stay, so that their use can still be explained."""
        return self.live(now).update(revoked_at=now)


class AccessToken(models.Model):
    """A personal token for a script or a scrobbler. Its text is shown once; nobody can sign in with what is stored."""

    public_id = models.CharField(max_length=10, primary_key=True)
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the token's text.")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_tokens")
    name = models.CharField(max_length=100, help_text="What it is for, in its owner's words.")
    scopes = models.JSONField(default=list, help_text="What it may do; see accounts/scopes.py.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To within ten minutes.")

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "public_id"]
        constraints = [
            # A token that was never good is a mistake of whoever made it.
            models.CheckConstraint(
                condition=models.Q(expires_at=None) | models.Q(expires_at__gt=models.F("created_at")),
                name="access_token_expires_after_creation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (wt_{self.public_id}_…)"

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
