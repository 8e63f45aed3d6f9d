"""What every store of evaluations does, on a file and on a real server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from colonnade.errors import Conflict, NotFound
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_evaluations import SqlEvaluationStore
from colonnade.registry.adapters.sql_lineage import SqlLineageStore
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.domain import Target
from colonnade.registry.evaluations import Evaluation, Measured, evaluation_id
from colonnade.registry.lineage import Kind, NodeKey
from colonnade.registry.rollouts.machine import GateResult, Outcome, begun, judged
from colonnade.registry.rollouts.plan import Bound, Gate, Plan, Probe, Step
from colonnade.registry.rollouts.ports import Event, Record
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS
from tests.unit.registry.fakes import START, draft

BY = "acme/eve"
MEASURED = Measured(
    "smol", 1, "arc-easy", {"accuracy": 0.61, "loss": -1e300}, f"sha256:{5:064x}", "passed", "run-7"
)
GATED = Plan(
    gates=(
        Gate(Probe.TASKS, Bound(0.5), "support"),
        Gate(Probe.BIAS, Bound(0.1), required=False),
        Gate(Probe.PERPLEXITY, Bound(1.1)),
    ),
    steps=(Step(10, 60),),
)
RESULTS = (
    GateResult(Outcome.PASSED, 0.75, 0.5, suite_digest=f"sha256:{6:064x}"),
    GateResult(Outcome.SKIPPED),
    GateResult(Outcome.FAILED, 40.5),
)


async def judged_rollout(store: SqlRolloutStore) -> None:
    """A rollout of version 2 whose gates were asked, one after the other."""

    def make(targets: Sequence[Target]) -> tuple[Record, Event]:
        rollout = begun("ro_1", "smol", "production", 2, targets, GATED, START)
        return Record(rollout, "", START, BY, START), Event(START, "begun", BY)

    await store.begin("smol", "production", make, None)
    for number, result in enumerate(RESULTS, 1):
        at = START + timedelta(seconds=number)

        def change(record: Record, result: GateResult = result) -> tuple[object, Event]:
            return judged(record.rollout, result, START), Event(START, "gate", BY)

        await store.change("ro_1", change, by=BY, at=at)  # type: ignore[arg-type]


@dataclass
class Stores:
    database: Database
    evaluations: SqlEvaluationStore

    async def record(
        self, number: int, measured: Measured = MEASURED, once: Once | None = None
    ) -> Evaluation:
        at = START + timedelta(seconds=number)
        return await self.evaluations.record(Evaluation(evaluation_id(at), measured, BY, at), once=once)

    async def page(self, version: int = 1, before: str = "", limit: int = 9) -> Sequence[Evaluation]:
        return await self.evaluations.page("smol", version, before=before, limit=limit)


@pytest.fixture(params=KINDS)
async def stores(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> Stores:
    database = opened(request.param, "colonnade.registry")
    versions = SqlVersionStore(database)
    for seed in (1, 2):
        await versions.register(draft("smol", seed), alias="")
    return Stores(database, SqlEvaluationStore(database))


async def test_an_evaluation_is_kept_as_it_was_recorded(stores: Stores) -> None:
    made = await stores.record(1)
    assert list(await stores.page()) == [made]
    assert list(await stores.page(2)) == []
    assert made.measured == MEASURED


async def test_pages_are_newest_first(stores: Stores) -> None:
    made = [await stores.record(number) for number in (1, 2, 3)]
    other = await stores.record(4, replace(MEASURED, version=2))
    assert list(await stores.page()) == made[::-1]
    assert list(await stores.page(0)) == [other, *made[::-1]]
    assert list(await stores.page(limit=2)) == [made[2], made[1]]
    assert list(await stores.page(before=made[1].id)) == [made[0]]


async def test_it_has_its_place_in_the_graph(stores: Stores) -> None:
    made = await stores.record(1)
    root = NodeKey(Kind.EVALUATION, made.id)
    traced = await SqlLineageStore(stores.database).trace([root], upstream=True, downstream=True, depth=0)
    found = {node.key.kind: node for node in traced.nodes}
    assert (found[Kind.VERSION].label, found[Kind.RUN].key.id) == ("smol:1", "run-7")
    assert found[Kind.EVALUATION].facts == {"suite": "arc-easy", "outcome": "passed"}
    assert {each.relation.value for each in traced.edges} == {"judged_by", "produced_by"}


async def test_what_is_refused(stores: Stores) -> None:
    with pytest.raises(NotFound, match="no version 9"):
        await stores.record(1, replace(MEASURED, version=9))
    few = SqlEvaluationStore(stores.database, most=1)
    first = await stores.record(1)
    with pytest.raises(Conflict, match="1 evaluations"):
        await few.record(replace(first, id=evaluation_id(START)), once=None)
    assert list(await stores.page()) == [first]


async def test_one_key_records_one(stores: Stores) -> None:
    once = Once(BY, "key", "f" * 64)
    first = await stores.record(1, once=once)
    assert await stores.record(2, once=once) == first
    with pytest.raises(Conflict, match="key"):
        await stores.record(3, once=replace(once, fingerprint="0" * 64))


async def test_a_rollouts_gates_are_evaluations_of_its_candidate(stores: Stores) -> None:
    await judged_rollout(SqlRolloutStore(stores.database))
    found = [each.measured for each in await stores.page(2)]
    assert found == [
        Measured("smol", 2, "perplexity", {"perplexity": 40.5}, "", "failed", "ro_1"),
        Measured(
            "smol", 2, "tasks:support", {"tasks": 0.75, "stable": 0.5}, f"sha256:{6:064x}", "passed", "ro_1"
        ),
    ]
    assert [each.by for each in await stores.page(2)] == ["platform/registry"] * 2
