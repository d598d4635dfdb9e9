"""People, the Clerk ids that must not come back, people's tokens, what Clerk has told us, and what operators did."""

import hashlib
import secrets
from datetime import datetime
from typing import Any, Self
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

# A day may start as late as 6 in the morning: a film begun at 23:30 belongs to one evening.
LATEST_DAY_START = 6

UNCHANGED = "The audit log is only added to."


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
    display_name = models.CharField(
        max_length=150, blank=True, default="", help_text="How they want to be called. Empty: as Clerk knows them."
    )
    clerk_event_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Of the latest webhook about them: older ones are ignored."
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

    @property
    def shown_name(self) -> str:
        return self.display_name or self.get_full_name()


class TombstoneQuerySet(models.QuerySet["Tombstone"]):
    def of(self, clerk_id: str) -> Self:
        return self.filter(pk=Tombstone.digest_of(clerk_id))

    def bury(self, clerk_id: str, deleted_at: datetime) -> None:
        """Of two deletions the later counts: only an account that Clerk opened after it may come in again."""
        stone, is_new = self.get_or_create(pk=Tombstone.digest_of(clerk_id), defaults={"deleted_at": deleted_at})
        if not is_new and stone.deleted_at < deleted_at:
            self.filter(pk=stone.pk).update(deleted_at=deleted_at)


class Tombstone(models.Model):
    """A deleted Clerk id: a session token that outlives the account must not bring it back.

    Kept as a hash: of somebody who asked to be forgotten, not even the id stays. It cannot be guessed back, for Clerk's
    ids are random.
    """

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of the Clerk id.")
    deleted_at = models.DateTimeField()

    objects = TombstoneQuerySet.as_manager()

    def __str__(self) -> str:
        return self.digest

    @staticmethod
    def digest_of(clerk_id: str) -> str:
        return hashlib.sha256(clerk_id.encode()).hexdigest()


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

    # What was read of its owner with it, when somebody was recognised (hooks.recognising).
    beside: tuple[Any, ...] = ()

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


class WebhookEvent(models.Model):
    """A message of Clerk's that was taken. It comes again under the same id when it was not answered in time.

    Nothing of its contents is kept: they hold addresses, names and e-mails.
    """

    message_id = models.CharField(max_length=128, unique=True, help_text="The svix-id header.")
    type = models.CharField(max_length=100, help_text="Such as user.deleted.")
    event_at = models.DateTimeField(help_text="When it happened, by Clerk's clock.")
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=20, blank=True, help_text="What became of it here.")

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"


def receipt_number() -> str:
    """128 random bits: whoever knows the number of a receipt was given it."""
    return secrets.token_hex(16)


class Erasure(models.Model):
    """The erasure of one account: an order that outlives the process that works on it, and in the end a receipt.

    It names nobody: `user_pk` is a number that by then belongs to no row.
    """

    receipt = models.CharField(max_length=32, unique=True, default=receipt_number, editable=False)
    user_pk = models.BigIntegerField()
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True, help_text="When it was looked for what had come since.")
    erased = models.JSONField(default=dict, help_text="How many rows were erased so far, by table.")

    class Meta:
        constraints = [
            # Asked for twice, it is done once.
            models.UniqueConstraint(
                fields=["user_pk"], condition=models.Q(finished_at=None), name="erasure_one_at_a_time"
            ),
        ]
        # what is still to be done
        indexes = [models.Index(fields=["id"], condition=models.Q(checked_at=None), name="erasure_to_be_done")]

    def __str__(self) -> str:
        return self.receipt


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Entries are added, and that is all."""

    def update(self, **values: Any) -> int:
        raise TypeError(UNCHANGED)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError(UNCHANGED)


class AuditEntry(models.Model):
    """Something that an operator, a command or the system did (accounts/audit.py). It is never changed or removed.

    Not by this class, and not by other ways through the application: triggers of the database refuse it as well
    (migration 0005). Nothing here points at other tables, so an entry outlives what it is about.
    """

    at = models.DateTimeField()
    actor_pk = models.BigIntegerField(null=True, help_text="Of the operator's account.")
    actor = models.CharField(max_length=150, blank=True, help_text="Name of the operator, or what else did it.")
    address = models.CharField(max_length=64, blank=True, help_text="Where it came from; of IPv6 the /64.")
    action = models.CharField(max_length=30)
    subject = models.CharField(max_length=100, blank=True, help_text="The table that was acted on.")
    key = models.CharField(max_length=255, blank=True, help_text="The row's primary key.")
    sentence = models.CharField(max_length=1000, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        default_permissions = ("view",)
        # The list of all, of an operator, of an action, and of one thing; each newest first.
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_by_time"),
            models.Index(fields=["actor_pk", "-at", "-id"], name="audit_by_actor"),
            models.Index(fields=["action", "-at", "-id"], name="audit_by_action"),
            models.Index(fields=["subject", "key", "-at", "-id"], name="audit_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.said} {self.pk}"

    @property
    def said(self) -> str:
        return self.action.replace("_", " ")

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(UNCHANGED)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError(UNCHANGED)
