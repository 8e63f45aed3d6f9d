"""Numbers that must lie between two others."""

from colonnade.errors import InvalidArgument


def in_range(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidArgument(f"{field} must be {low} to {high}", field=field, limit=high)
