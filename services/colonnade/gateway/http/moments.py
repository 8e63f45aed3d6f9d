"""Points in time, as requests write them."""

from datetime import UTC, datetime

from colonnade.errors import InvalidArgument

_MAX_CHARS = 64


def moment_of(text: str, field: str) -> datetime:
    """In UTC. Raises ``InvalidArgument`` for what has no zone, or is no time."""
    try:
        at = datetime.fromisoformat(text[:_MAX_CHARS])
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # refused below, as one without a zone is
    raise InvalidArgument(
        f"{field} must be a time with its zone, as in 2030-01-31T12:00:00Z", field=field, limit="ISO 8601"
    )
