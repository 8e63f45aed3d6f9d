"""Whose turn it is. Pure: from who waits and who runs to who begins.

The next job is the oldest of the highest priority whose tenant is below its share of the slots. A tenant at
its share lets others by, also those that came later; it goes on where it was as soon as one of its own ends.
So within a priority nobody waits behind a job of the same tenant that came later, and none behind another
tenant that holds its share. A share leaves slots empty where nobody else wants them: whoever comes next finds
one.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued job; ids sort by the time of submission."""

    id: str
    tenant: str
    priority: int


@dataclass(frozen=True, slots=True)
class Slots:
    """How many workers there may be at once."""

    total: int
    tenant_share: float = 1.0
    """Of them, that one tenant may have; at least one slot."""

    @property
    def of_a_tenant(self) -> int:
        return max(1, math.floor(self.total * self.tenant_share + 1e-9))


def next_up(waiting: Iterable[Waiting], running: Mapping[str, int], slots: Slots) -> tuple[Waiting, ...]:
    """Who begins now, in order. ``running`` is how many slots each tenant holds."""
    held = dict(running)
    free = slots.total - sum(held.values())
    chosen: list[Waiting] = []
    for job in sorted(waiting, key=lambda job: (-job.priority, job.id)):
        if len(chosen) >= free:
            break
        if held.get(job.tenant, 0) < slots.of_a_tenant:
            held[job.tenant] = held.get(job.tenant, 0) + 1
            chosen.append(job)
    return tuple(chosen)
