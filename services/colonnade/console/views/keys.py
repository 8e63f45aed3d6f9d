"""What may be said of a key, and when one that is made will expire."""

from datetime import UTC, datetime, timedelta

from colonnade.client import Key

ROLES = ("caller", "model_engineer", "operator", "auditor", "admin")
LIVES = {30: "30 days", 90: "90 days", 365: "a year", 0: "for ever"}
GRACES = {
    0: "ends at once",
    3600: "holds an hour more",
    86_400: "holds a day more",
    604_800: "holds a week more",
}


def state_of(key: Key, now: datetime | None = None) -> str:
    now = now or datetime.now(UTC)
    if key.revoked_at is not None:
        return "revoked" if key.revoked_at <= now else "replaced, ends soon"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "valid"


def expiry(days: int, now: datetime | None = None) -> datetime | None:
    """0 days: never."""
    return (now or datetime.now(UTC)) + timedelta(days=days) if days else None
