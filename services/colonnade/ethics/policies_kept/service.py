"""The use cases: policies put, shown, assigned to routes and taken back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.ethics.domain.policy import Policy
from colonnade.ethics.policies import policy_of, run_tests
from colonnade.ethics.policies_kept.choosing import Choosing
from colonnade.ethics.policies_kept.domain import (
    DEFAULT,
    EVERY_ROUTE,
    RESERVED,
    ArmKey,
    Assignment,
    Counts,
    KeptPolicy,
    Named,
    State,
    Wanted,
    check_route,
)
from colonnade.ethics.policies_kept.ports import Change, PolicyStore
from colonnade.ethics.ports import Scorer
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_text
from colonnade.security.inputs.once import Once

WHY_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Use:
    tenant: str
    route: str
    share: int
    shadow: bool
    version: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A policy with all its versions, newest first, and where they judge."""

    name: str
    description: str
    versions: tuple[KeptPolicy, ...]
    in_use: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    assignment: Assignment
    stable: Counts | None
    candidate: Counts | None


class PoliciesInUse:
    def __init__(
        self,
        store: PolicyStore,
        choosing: Choosing,
        scorers: Mapping[str, Scorer],
        trail: Trail,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._choosing, self._scorers = store, choosing, scorers
        self._trail, self._clock = trail, clock

    async def put(self, name: str, text: str, principal: Principal) -> tuple[KeptPolicy, bool]:
        """Raises ``InvalidArgument`` for one that cannot be carried out, or fails a test of its own."""
        policy = policy_of(text)
        if policy.name != name:
            raise InvalidArgument(f"name: it is called {policy.name}; put it under that name", field="name")
        if name in RESERVED:
            raise InvalidArgument(f"name: a policy cannot be called {name}; choose another", field="name")
        kept = KeptPolicy(
            principal.tenant, Named(name, policy.version), self._clock(), principal.subject, text
        )
        self._choosing.check(kept)
        await self._pass_tests(policy)
        facts = {"policy": name, "version": policy.version}
        async with privileged(self._trail, "policy.put", principal, acknowledge=True, **facts) as learnt:
            found, is_new = await self._store.put(kept)
            learnt["new"] = is_new
        return found, is_new

    async def entries(self, tenant: str) -> Sequence[Entry]:
        """By name: the tenant's own, and the platform's."""
        own = {name: tuple(some) for name, some in groupby(await self._store.versions(tenant), _name)}
        assignments = await self._store.assignments(tenant)
        found = []
        for name in sorted({*own, *self._choosing.built_in}):
            versions = self._with_built_in(tenant, name, own.get(name, ()))
            uses = tuple(_uses(assignments, name)) + self._default_use(name, assignments)
            found.append(Entry(name, policy_of(versions[0].source).description, versions, uses))
        return found

    async def show(self, tenant: str, name: str, version: str) -> KeptPolicy:
        """The latest without a version; ``NotFound``."""
        versions = self._with_built_in(tenant, name, tuple(await self._store.versions(tenant, name)))
        for each in versions:
            if version in ("", each.named.version):
                return each
        if versions:
            raise NotFound(f"the policy {name} has no such version", field="version")
        raise NotFound(f"there is no policy {name}", field="name")

    async def assignments(self, tenant: str) -> Sequence[Shown]:
        counts = await self._store.counts(tenant)
        return [_shown(each, counts) for each in await self._store.assignments(tenant)]

    async def assign(
        self, wanted: Wanted, principal: Principal, *, why: str, expected: int | None, key: str
    ) -> Assignment:
        """An empty version is the latest. ``Conflict`` where the route is not at revision ``expected``."""
        why = check_text(why, "why", WHY_BYTES, allow_empty=True)
        once = Once.of(
            f"{principal.tenant}/{principal.subject}", key, "assign", repr(wanted), why, repr(expected)
        )
        kept = await self.show(principal.tenant, wanted.named.name, wanted.named.version)
        self._choosing.check(kept)
        wanted = replace(wanted, named=kept.named)
        if kept.created_at is None:  # another release may bring another one: what is assigned stays
            await self._store.put(replace(kept, tenant=principal.tenant, created_at=self._clock()))
        facts = {
            "route": wanted.route, "policy": kept.named.name, "version": kept.named.version,
            "share": wanted.share, "shadow": wanted.shadow, "why": why,
        }  # fmt: skip

        def change(held: Assignment | None, before: Assignment | None) -> Assignment:
            _check_revision(held, expected)
            state = wanted.applied(held.state if held else State())
            return self._next(principal, wanted.route, held, state, held.revision if held else 0, why)

        return await self._done("policy.assign", principal, facts, wanted.route, change, once)

    async def take_back(
        self, route: str, principal: Principal, *, why: str, expected: int | None
    ) -> Assignment:
        """What held before the last assignment holds again. ``Conflict`` where there is none."""
        why = check_text(why, "why", WHY_BYTES, allow_empty=True)
        facts = {"route": check_route(route), "why": why}

        def change(held: Assignment | None, before: Assignment | None) -> Assignment:
            _check_revision(held, expected)
            if held is None or (before is None and held.state == State()):
                raise Conflict(f"there is nothing to take back on {route}; assign a policy", field="route")
            state, older = (before.state, before.before) if before else (State(), 0)
            return self._next(principal, route, held, state, older, why)

        return await self._done("policy.take_back", principal, facts, route, change, None)

    async def end_candidate(self, assignment: Assignment, principal: Principal, why: str) -> Assignment:
        """Of an assignment as it was seen; ``Conflict`` where it has changed since. All else of it stays."""
        candidate = assignment.state.candidate
        if candidate is None:
            raise Conflict("there is no candidate on this route", field="route")
        facts = {
            "route": assignment.route, "policy": candidate.name, "version": candidate.version, "why": why
        }  # fmt: skip

        def change(held: Assignment | None, before: Assignment | None) -> Assignment:
            _check_revision(held, assignment.revision)
            state = replace(assignment.state, candidate=None, share=0)
            return self._next(principal, assignment.route, held, state, assignment.before, why)

        act = "policy.rolled_back"
        return await self._done(act, principal, facts, assignment.route, change, None)

    def _next(
        self, by: Principal, route: str, held: Assignment | None, state: State, before: int, why: str
    ) -> Assignment:
        revision = (held.revision if held else 0) + 1
        return Assignment(by.tenant, route, state, revision, before, self._clock(), by.subject, why)

    async def _done(
        self,
        act: str,
        principal: Principal,
        facts: Mapping[str, object],
        route: str,
        change: Change,
        once: Once | None,
    ) -> Assignment:
        async with privileged(self._trail, act, principal, acknowledge=True, **facts) as learnt:
            made = await self._store.assign(principal.tenant, route, change, once)
            learnt["revision"] = made.revision
        await self._choosing.refresh()
        return made

    async def _pass_tests(self, policy: Policy) -> None:
        for place, outcome in enumerate(await run_tests(policy, self._scorers)):
            if not outcome.passed:
                expected = outcome.trial.expect
                rule = f" by the rule {expected.rule}" if expected.rule else ""
                raise InvalidArgument(
                    f"tests.{place}: it expects {expected.action}{rule}, and the policy says "
                    f"{outcome.action}{f' by {outcome.rule}' if outcome.rule else ''}; change one of them",
                    field=f"tests.{place}",
                )

    def _with_built_in(self, tenant: str, name: str, own: tuple[KeptPolicy, ...]) -> tuple[KeptPolicy, ...]:
        built_in = self._choosing.built_in.get(name)
        if built_in is None or any(each.named.version == built_in.version for each in own):
            return own
        named = Named(name, built_in.version)
        return (*own, KeptPolicy(tenant, named, None, "", built_in.source))

    def _default_use(self, name: str, assignments: Sequence[Assignment]) -> tuple[Use, ...]:
        assigned = any(each.route == EVERY_ROUTE and each.state.policy for each in assignments)
        if name != DEFAULT or assigned:
            return ()
        return (Use("", EVERY_ROUTE, 100, False, self._choosing.built_in[DEFAULT].version),)


def _name(policy: KeptPolicy) -> str:
    return policy.named.name


def _uses(assignments: Sequence[Assignment], name: str) -> Sequence[Use]:
    found = []
    for each in assignments:
        state = each.state
        parts = (
            (state.policy, 100 - state.share, False),
            (state.candidate, state.share, False),
            (state.shadow, 100, True),
        )
        found += [
            Use(each.tenant, each.route, share, shadow, named.version)
            for named, share, shadow in parts
            if named and named.name == name
        ]
    return found


def _shown(assignment: Assignment, counts: Mapping[ArmKey, Counts]) -> Shown:
    if assignment.state.candidate is None:
        return Shown(assignment, None, None)
    stable, candidate = (
        counts.get(ArmKey(assignment.tenant, assignment.route, assignment.revision, side), Counts())
        for side in (False, True)
    )
    return Shown(assignment, stable, candidate)


def _check_revision(held: Assignment | None, expected: int | None) -> None:
    revision = held.revision if held else 0
    if expected is not None and expected != revision:
        raise Conflict(
            f"the route is at revision {revision}, not {expected}; look at it again",
            field="expected_revision", revision=revision,
        )  # fmt: skip
