"""Candidates that refuse too much are taken back."""

import asyncio
from dataclasses import dataclass

from colonnade.errors import Conflict
from colonnade.ethics import metrics
from colonnade.ethics.domain.rates import wilson
from colonnade.ethics.policies_kept.domain import ArmKey, Assignment, Counts
from colonnade.ethics.policies_kept.ports import PolicyStore
from colonnade.ethics.policies_kept.service import PoliciesInUse
from colonnade.security.identity import Principal, Role
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_WRITE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Bound:
    multiple: float
    """Of the refusals beside it; 0: candidates are never taken back."""
    least_requests: int
    """Of either side, before they are compared."""


class Watching:
    """Counts what both sides of an assignment refuse, in memory, and now and then on record."""

    def __init__(self, store: PolicyStore, policies: PoliciesInUse, bound: Bound, service: str) -> None:
        self._store, self._policies, self._bound = store, policies, bound
        self._service = service
        self._more: dict[ArmKey, Counts] = {}

    def counted(self, arm: ArmKey, *, refused: bool) -> None:
        self._more[arm] = self._more.get(arm, Counts()) + Counts(1, int(refused))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            try:
                await self.turn()
            except Exception as error:  # the next turn tries again
                _LOG.warning("candidates could not be watched", error=type(error).__name__)

    async def turn(self) -> None:
        """Writes what was counted, and judges those whose counts grew."""
        more, self._more = self._more, {}
        try:
            await self._store.count(more)
        except BaseException:
            for arm, counts in more.items():
                self._more[arm] = self._more.get(arm, Counts()) + counts
            raise
        if more and self._bound.multiple:
            await self._judge()

    async def _judge(self) -> None:
        counts = await self._store.counts()
        for each in await self._store.assignments():
            stable, candidate = (counts.get(_arm(each, side), Counts()) for side in (False, True))
            if each.state.candidate and (why := self.too_much(candidate, stable)):
                await self._take_back(each, why)

    def too_much(self, candidate: Counts, stable: Counts) -> str:
        """In words; empty: it does not."""
        least = self._bound.least_requests
        if candidate.requests < least or stable.requests < least:
            return ""
        # Who refused nothing so far may refuse the next: one more keeps the bound above 0.
        allowed = self._bound.multiple * max(stable.refused, 1) / stable.requests
        if wilson(candidate.refused, candidate.requests)[0] <= allowed:
            return ""
        return (
            f"the candidate refused {candidate.refused} of {candidate.requests} requests, the policy beside "
            f"it {stable.refused} of {stable.requests}: more than {self._bound.multiple:g} times as many"
        )

    async def _take_back(self, assignment: Assignment, why: str) -> None:
        ours = Principal(assignment.tenant, self._service, frozenset({Role.SERVICE}))
        try:
            await self._policies.end_candidate(assignment, ours, why)
        except Conflict:
            return  # somebody was quicker
        metrics.TAKEN_BACK.inc()
        _LOG.warning("a candidate was taken back", route=assignment.route, reason=why)


def _arm(assignment: Assignment, candidate: bool) -> ArmKey:
    return ArmKey(assignment.tenant, assignment.route, assignment.revision, candidate)
