"""Where policies and assignments are kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from colonnade.ethics.policies_kept.domain import ArmKey, Assignment, Counts, KeptPolicy, Named
from colonnade.security.inputs.once import Once

Change = Callable[[Assignment | None, Assignment | None], Assignment]
"""Of what holds on a route, and what taking that back would restore, to what shall hold. May raise."""


class PolicyStore(Protocol):
    async def put(self, policy: KeptPolicy) -> tuple[KeptPolicy, bool]:
        """What is kept under that name and version, and whether it is new."""
        ...

    async def versions(self, tenant: str, name: str = "") -> Sequence[KeptPolicy]:
        """Of one policy or of all, by name, newest first."""
        ...

    async def find(self, tenant: str, named: Named) -> KeptPolicy | None: ...

    async def assign(self, tenant: str, route: str, change: Change, once: Once | None) -> Assignment:
        """With a key that was used before: what was assigned with it."""
        ...

    async def assignments(self, tenant: str = "") -> Sequence[Assignment]:
        """What holds now, by route; of all tenants without one."""
        ...

    async def count(self, more: Mapping[ArmKey, Counts]) -> None: ...

    async def counts(self, tenant: str = "") -> Mapping[ArmKey, Counts]:
        """Of the assignments that hold now."""
        ...

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        """Takes the subject's name off what they put and assigned; how many by store. Safe to repeat."""
        ...
