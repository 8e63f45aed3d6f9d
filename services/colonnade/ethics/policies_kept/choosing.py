"""Which policy judges a request: from memory, so that no request waits for the database."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from colonnade.errors import ColonnadeError, NotFound, Unavailable
from colonnade.ethics.checking import check_scorers
from colonnade.ethics.domain.policy import Policy
from colonnade.ethics.policies import policy_of
from colonnade.ethics.policies_kept.domain import (
    DEFAULT,
    EVERY_ROUTE,
    ArmKey,
    Assignment,
    KeptPolicy,
    Named,
    drawn,
)
from colonnade.ethics.policies_kept.ports import PolicyStore
from colonnade.ethics.ports import Scorer
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_Key: TypeAlias = tuple[str, Named]


@dataclass(frozen=True, slots=True)
class Chosen:
    policy: Policy
    shadow: Policy | None = None
    arm: ArmKey | None = None
    """Under which the request is counted, where a candidate is on trial."""


class Choosing:
    """What is assigned, as it was read last. ``built_in`` are the platform's own, of which ``default`` holds
    where nothing is assigned."""

    def __init__(
        self, store: PolicyStore, built_in: Mapping[str, Policy], scorers: Mapping[str, Scorer]
    ) -> None:
        self.built_in = built_in
        self._store, self._scorers = store, scorers
        self._assigned: Mapping[tuple[str, str], Assignment] = {}
        self._policies: dict[_Key, Policy | ColonnadeError] = {}

    async def refresh(self) -> None:
        """Raises ``Unavailable`` where the database is away; what was read before then stays."""
        found = await self._store.assignments()
        policies = {}
        for assignment in found:
            for named in _names(assignment):
                key = (assignment.tenant, named)
                policies[key] = self._policies.get(key) or await self._read(*key)
        self._policies = policies
        self._assigned = {(each.tenant, each.route): each for each in found}

    async def run(self, seconds: float) -> None:
        """Reads what other processes assigned, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.refresh()
            except Exception as error:  # whatever it is, what was read last holds
                _LOG.warning("assignments could not be read", error=type(error).__name__)

    def choose(self, tenant: str, route: str, request_id: str) -> Chosen:
        """Raises ``Unavailable`` for a policy that cannot be carried out: nothing goes by unjudged."""
        places = [
            assigned
            for each in dict.fromkeys((route, EVERY_ROUTE))
            if (assigned := self._assigned.get((tenant, each)))
        ]
        shadow = next((each.state.shadow for each in places if each.state.shadow), None)
        named, arm = _drawn(places, request_id)
        policy = self._policy(tenant, named) if named else self.built_in[DEFAULT]
        return Chosen(policy, self._shadow(tenant, shadow), arm)

    def named(self, tenant: str, route: str) -> Policy:
        """What holds without candidates."""
        for each in dict.fromkeys((route, EVERY_ROUTE)):
            assigned = self._assigned.get((tenant, each))
            if assigned and assigned.state.policy:
                return self._policy(tenant, assigned.state.policy)
        return self.built_in[DEFAULT]

    def check(self, kept: KeptPolicy) -> Policy:
        """Raises ``InvalidArgument`` where it cannot be carried out."""
        policy = policy_of(kept.source)
        check_scorers(policy, self._scorers)
        return policy

    def _policy(self, tenant: str, named: Named) -> Policy:
        policy = self._policies.get((tenant, named))
        if isinstance(policy, Policy):
            return policy
        why = policy.message if policy else "it was not read yet"
        raise Unavailable(f"the policy {named.name} cannot be carried out: {why}", field="policy")

    def _shadow(self, tenant: str, named: Named | None) -> Policy | None:
        policy = self._policies.get((tenant, named)) if named else None
        return policy if isinstance(policy, Policy) else None

    async def _read(self, tenant: str, named: Named) -> Policy | ColonnadeError:
        try:
            kept = await self._store.find(tenant, named)
            if kept is None:
                raise NotFound(f"there is no policy {named.name} in this version", field="name")
            return self.check(kept)
        except Unavailable:
            raise
        except ColonnadeError as error:
            _LOG.error("a policy cannot be carried out", policy=named.name, reason=error.message)
            return error


def _names(assignment: Assignment) -> tuple[Named, ...]:
    state = assignment.state
    return tuple(each for each in (state.policy, state.candidate, state.shadow) if each)


def _drawn(places: list[Assignment], request_id: str) -> tuple[Named | None, ArmKey | None]:
    """The first place that says something decides; what it leaves open, the next one does."""
    arm: ArmKey | None = None
    for each in places:
        state = each.state
        if state.candidate:
            taken = drawn(each.route, request_id, state.share)
            arm = arm or ArmKey(each.tenant, each.route, each.revision, taken)
            if taken:
                return state.candidate, arm
        if state.policy:
            return state.policy, arm
    return None, arm
