"""How much a tenant may keep, how long a batch may be, and how many of its lines run at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    file_bytes: int = 100 * 1024 * 1024
    """Of one file."""
    tenant_bytes: int = 2 * 1024 * 1024 * 1024
    """Of all files of a tenant."""
    lines: int = 50_000
    """Of one batch."""
    line_bytes: int = 1024 * 1024
    window_seconds: float = 86_400.0
    """What is not done by then is not done."""
    batches_at_once: int = 4
    """That one gateway works on."""
    lines_at_once: int = 8
    """Of each of them."""
    request_seconds: float = 300.0
    """The deadline of a line's request."""
    lease_seconds: float = 15.0
    """After which another gateway takes over what a dead one worked on."""
    renew_seconds: float = 5.0
    """How often a lease is renewed, and how often one looks for work."""
