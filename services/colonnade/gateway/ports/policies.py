"""Policies of screening and the record of what they decided, of the ethics service."""

from collections.abc import Sequence
from typing import Protocol

from colonnade.gateway.domain.decisions import DecisionCount, DecisionFilter, DecisionPage, SummaryBy
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.policies import (
    Assignment,
    DryRun,
    NewAssignment,
    PolicyEntry,
    PolicyText,
    PolicyVersion,
    Trials,
)


class PolicyBook(Protocol):
    """Raises what the ethics service refuses with; ``Unavailable`` where it is away."""

    async def entries(self, caller: Caller) -> Sequence[PolicyEntry]:
        """By name."""
        ...

    async def get(self, caller: Caller, name: str, version: str) -> PolicyText:
        """An empty version is the latest."""
        ...

    async def put(self, caller: Caller, name: str, yaml: str) -> tuple[PolicyVersion, bool]:
        """The version, and whether it is new."""
        ...

    async def test(self, caller: Caller, yaml: str) -> Trials: ...

    async def dry_run(self, caller: Caller, yaml: str, limit: int) -> DryRun: ...

    async def assignments(self, caller: Caller) -> Sequence[Assignment]:
        """By route."""
        ...

    async def assign(self, caller: Caller, new: NewAssignment, key: str) -> Assignment: ...

    async def take_back(self, caller: Caller, route: str, why: str, revision: int | None) -> Assignment:
        """``Conflict`` where the route is at another revision, or there is nothing to take back."""
        ...


class DecisionBook(Protocol):
    """Raises as ``PolicyBook`` does."""

    async def page(self, caller: Caller, wanted: DecisionFilter, limit: int, page: str) -> DecisionPage:
        """Newest first."""
        ...

    async def summary(
        self, caller: Caller, wanted: DecisionFilter, by: SummaryBy
    ) -> Sequence[DecisionCount]: ...
