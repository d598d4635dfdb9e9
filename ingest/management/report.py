"""What an import did, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ..models import Upload


@dataclass(frozen=True)
class Report:
    """One run over one file. read = created + duplicate + ignored + rejected."""

    upload: str | None
    source: str
    state: str
    read: int
    created: int
    duplicate: int
    ignored: int
    rejected: int
    ads: int
    seconds_elapsed: float
    reasons: dict[str, int] = field(default_factory=dict)
    error: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def lines(self, name: str) -> list[str]:
        if self.error:
            return [f"{name}: refused. {self.error}"]
        counts = (
            f"{self.read:,} rows read: {self.created:,} created ({self.ads:,} of them ads), "
            f"{self.duplicate:,} duplicate, {self.ignored:,} ignored, {self.rejected:,} rejected"
        )
        reasons = [
            f"    {count:,} × {code}" for code, count in sorted(self.reasons.items(), key=lambda r: (-r[1], r[0]))
        ]
        return [f"{name} ({self.source}, {self.seconds_elapsed:.1f} s): {counts}.", *reasons]


def of_run(upload: Upload, seconds_elapsed: float, *, dry_run: bool = False) -> Report:
    return Report(
        upload=None if dry_run else str(upload.pk),
        source=upload.source,
        state="dry_run" if dry_run and not upload.error else upload.state,
        read=upload.read,
        created=upload.created,
        duplicate=upload.duplicate,
        ignored=upload.ignored,
        rejected=upload.rejected,
        ads=upload.ads,
        seconds_elapsed=round(seconds_elapsed, 3),
        reasons=dict(upload.reasons),
        error=upload.error,
    )


def of_earlier(upload: Upload) -> Report:
    """The same file again: nothing was done, so every record in it is a duplicate now."""
    return Report(
        upload=str(upload.pk),
        source=upload.source,
        state=upload.state,
        read=upload.read,
        created=0,
        duplicate=upload.created + upload.duplicate,
        ignored=upload.ignored,
        rejected=upload.rejected,
        ads=0,
        seconds_elapsed=0.0,
        reasons=dict(upload.reasons),
    )
