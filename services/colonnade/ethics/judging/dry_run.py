"""What a policy would have done to the traffic that was kept, beside the one that is in use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from colonnade.errors import InvalidArgument
from colonnade.ethics.checking import check_scorers
from colonnade.ethics.decisions.domain import Sample
from colonnade.ethics.decisions.ports import DecisionStore
from colonnade.ethics.domain.decision import gravest
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action, Policy
from colonnade.ethics.judging.shadows import screened
from colonnade.ethics.policies import policy_of
from colonnade.ethics.ports import Policies, Scorer

MOST = 10_000
_SOME = 1000
_EXCERPT = 160


@dataclass(frozen=True, slots=True)
class Changed:
    at: datetime
    side: Side
    route: str
    before: Action
    after: Action
    rule: str
    """That decides after; empty where none does."""
    excerpt: str


@dataclass(frozen=True, slots=True)
class DryRun:
    policy: Policy
    screened: int
    changed: Sequence[Changed]
    """Newest first."""


class DryRuns:
    def __init__(self, store: DecisionStore, policies: Policies, scorers: Mapping[str, Scorer]) -> None:
        self._store, self._policies, self._scorers = store, policies, scorers

    async def run(self, tenant: str, text: str, limit: int) -> DryRun:
        """``limit``: newest texts, at most; 0: 1000."""
        if not 0 <= limit <= MOST:
            raise InvalidArgument(f"limit must be from 1 to {MOST}; 0 is {_SOME}", field="limit", limit=MOST)
        policy = policy_of(text)
        check_scorers(policy, self._scorers)
        samples = await self._store.samples(tenant, limit or _SOME)
        compared = [await self._compared(tenant, policy, each) for each in samples]
        return DryRun(policy, len(samples), [each for each in compared if each])

    async def _compared(self, tenant: str, policy: Policy, sample: Sample) -> Changed | None:
        in_use = self._policies.named(tenant, sample.request.route)
        before, _ = gravest(await screened(in_use, self._scorers, sample.side, sample.text))
        after, rule = gravest(await screened(policy, self._scorers, sample.side, sample.text))
        if before is after:
            return None
        excerpt = sample.text[:_EXCERPT]
        return Changed(sample.at, sample.side, sample.request.route, before, after, rule, excerpt)
