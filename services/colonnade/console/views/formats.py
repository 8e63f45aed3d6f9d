"""Numbers, times and digests as people read them."""

from datetime import UTC, datetime

_STEP = 1000
_SHOWN_OF_DIGEST = 12
_UNITS = ((86_400, "days"), (3600, "h"), (60, "min"))


def size(count: int) -> str:
    """Bytes, in powers of a thousand."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB", "PB"]
    while value >= _STEP and len(units) > 1:
        value /= _STEP
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def amount(count: int) -> str:
    """Of parameters: 135M."""
    for limit, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= limit:
            return f"{count / limit:.3g}{letter}"
    return str(count)


def number(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def moment(when: datetime | None, never: str = "never") -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if when else never


def day(when: datetime | None, never: str = "never") -> str:
    return when.astimezone(UTC).date().isoformat() if when else never


def short(digest: str) -> str:
    """The first letters of a digest, without its kind."""
    return digest.rpartition(":")[2][:_SHOWN_OF_DIGEST]


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def lasting(seconds: float) -> str:
    """In the largest unit of which there are two: ``90 s``, ``4 min``, ``3 h``, ``2 days``."""
    for unit, name in _UNITS:
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.0f} s"
