"""Any order of registrations, moves and deletions: every store and memory agree, and the invariants hold."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from colonnade.errors import ColonnadeError
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.domain import Manifest, Reference, Target, Version
from colonnade.registry.ports import VersionStore
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS, Urls
from tests.unit.registry.fakes import MemoryVersionStore, draft, ticking

NAMES = st.sampled_from(["ark", "bee"])
ALIASES = st.sampled_from(["production", "canary"])
SEEDS = st.integers(1, 4)
TARGETS = st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True)
EXPECTED = st.none() | st.integers(0, 4)


async def _versions(name: str, store: VersionStore) -> Sequence[Version]:
    return await store.list_versions(name, limit=99)


async def _targets(reference: Reference, store: VersionStore) -> Sequence[tuple[Manifest, int]]:
    return await store.find_targets(reference)


class Stores(RuleBasedStateMachine):
    url: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = Database(self.url())
        self.memory, self.sql = MemoryVersionStore(), SqlVersionStore(self.database)
        self.clock = ticking()
        self.revisions: dict[tuple[str, str], int] = {}
        self.versions: dict[tuple[str, int], str] = {}

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()

    def both(self, act: Callable[[VersionStore], Awaitable[Any]]) -> Any:
        """What both stores answer, error for error."""

        async def outcome(store: VersionStore) -> Any:
            try:
                return await act(store)
            except ColonnadeError as error:
                return (type(error), error.message, error.details)

        memory, sql = self.runner.run(outcome(self.memory)), self.runner.run(outcome(self.sql))
        assert memory == sql
        return sql

    @rule(name=NAMES, seed=SEEDS, alias=st.sampled_from(["", "production", "canary"]), key=st.none() | SEEDS)
    def register(self, name: str, seed: int, alias: str, key: int | None) -> None:
        family = "encoder" if seed % 3 == 0 else "transformer"
        made = draft(name, seed, size=("135M", "7B")[seed % 2], at=self.clock(), family=family)
        once = Once("acme/eve", f"key-{key}", f"{name} {seed}") if key else None
        self.both(lambda store: store.register(made, alias=alias, once=once))

    @rule(name=NAMES, alias=ALIASES, versions=TARGETS, expected=EXPECTED)
    def move(self, name: str, alias: str, versions: list[int], expected: int | None) -> None:
        at = self.clock()
        first, *rest = versions
        targets = [Target(first, 100 - 30 * len(rest)), *(Target(version, 30) for version in rest)]
        self.both(
            lambda store: store.move_alias(
                name, alias, targets, expected_revision=expected, by="acme/eve", at=at
            )
        )

    @rule(name=NAMES, alias=ALIASES)
    def delete(self, name: str, alias: str) -> None:
        at = self.clock()
        self.both(lambda store: store.delete_alias(name, alias, by="acme/eve", at=at))

    @rule(size=st.sampled_from(["", "135M", "7B", "1B"]), encoders=st.booleans())
    def promoted(self, size: str, encoders: bool) -> None:
        self.both(lambda store: store.find_promoted(size, encoders=encoders))

    @invariant()
    def all_that_can_be_seen_is_whole(self) -> None:
        for model in self.both(lambda store: store.list_models(after="", limit=9)):
            versions = self.both(partial(_versions, model.name))
            numbers = [version.manifest.version for version in versions]
            assert numbers == list(range(model.latest_version, 0, -1))
            for version in versions:
                manifest = version.manifest
                assert manifest.digest == manifest.content.digest
                kept = self.versions.setdefault((model.name, manifest.version), manifest.digest)
                assert kept == manifest.digest, "a version has changed"
            for alias in model.aliases:
                assert sum(target.weight for target in alias.targets) == 100
                assert {target.version for target in alias.targets} <= set(numbers)
                assert self.revisions.get((model.name, alias.name), 0) <= alias.revision
                self.revisions[model.name, alias.name] = alias.revision
                reference = Reference(model.name, alias=alias.name)
                found = self.both(partial(_targets, reference))
                assert [(m.version, w) for m, w in found] == [(t.version, t.weight) for t in alias.targets]


@pytest.mark.parametrize("kind", KINDS)
def test_any_order_of_acts(new_url: Urls, kind: str) -> None:
    here = type("Here", (Stores,), {"url": staticmethod(lambda: new_url(kind, "colonnade.registry"))})
    few = settings(max_examples=6, stateful_step_count=12, deadline=None)
    run_state_machine_as_test(here, settings=few)
