"""What may be recorded of a version, and by whom."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound, PermissionDenied
from colonnade.registry.evaluations import Evaluation, Measured
from colonnade.registry.evaluations.service import Evaluations
from colonnade.registry.owners import Owners
from colonnade.security.identity import Principal, Role
from colonnade.security.inputs.once import Once
from tests.unit.registry.fakes import ENGINEER, MemoryTrail, MemoryVersionStore, draft, ticking

MEASURED = Measured("smol", 1, "arc-easy", {"accuracy": 0.61}, f"sha256:{5:064x}", "passed", "run-7")
OTHER = Principal("rival", "mallory", frozenset({Role.MODEL_ENGINEER}))


class MemoryEvaluations:
    """Implements ``evaluations.ports.EvaluationStore``, as far as these tests ask."""

    def __init__(self) -> None:
        self.kept: list[tuple[Evaluation, Once | None]] = []

    async def record(self, evaluation: Evaluation, *, once: Once | None) -> Evaluation:
        self.kept.append((evaluation, once))
        return evaluation

    async def page(self, model: str, version: int, *, before: str, limit: int) -> Sequence[Evaluation]:
        found = [each for each, _ in self.kept[::-1] if not before or each.id < before]
        return found[:limit]


@pytest.fixture
def store() -> MemoryEvaluations:
    return MemoryEvaluations()


@pytest.fixture
def trail() -> MemoryTrail:
    return MemoryTrail()


@pytest.fixture
async def evaluations(store: MemoryEvaluations, trail: MemoryTrail) -> Evaluations:
    versions = MemoryVersionStore()
    await versions.register(draft("smol", 1), alias="")
    return Evaluations(store, versions, Owners(versions), trail, clock=ticking())


async def test_it_is_kept_with_who_and_when(
    evaluations: Evaluations, store: MemoryEvaluations, trail: MemoryTrail
) -> None:
    made = await evaluations.record(MEASURED, ENGINEER, "key")
    assert (made.by, made.measured, made.id[:3]) == ("acme/eve", MEASURED, "ev_")
    ((kept, once),) = store.kept
    assert kept == made
    assert once is not None
    again = await evaluations.record(MEASURED, ENGINEER, "key")
    assert store.kept[1][1] == once, "the same was asked"
    assert again.id > made.id
    assert trail.outcomes == ["begun", "ok"] * 2


async def test_only_the_owner_records(evaluations: Evaluations, store: MemoryEvaluations) -> None:
    with pytest.raises(PermissionDenied, match="acme"):
        await evaluations.record(MEASURED, OTHER)
    assert store.kept == []


@pytest.mark.parametrize(
    ("measured", "field"),
    [
        (replace(MEASURED, suite=""), "suite"),
        (replace(MEASURED, suite="x" * 129), "suite"),
        (replace(MEASURED, suite_digest="abc"), "suite_digest"),
        (replace(MEASURED, results={}), "results"),
        (replace(MEASURED, results={"a": math.nan}), "results.a"),
        (replace(MEASURED, results={"a": -math.inf}), "results.a"),
        (replace(MEASURED, results={"two words": 1.0}), "results"),
        (replace(MEASURED, results={f"a{number}": 0.0 for number in range(65)}), "results"),
        (replace(MEASURED, outcome="good"), "outcome"),
        (replace(MEASURED, origin="ro_1"), "origin"),
        (replace(MEASURED, origin="two words"), "origin.id"),
        (replace(MEASURED, model="No"), "model"),
    ],
    ids=[
        "no-suite", "long-suite", "digest", "nothing", "nan", "inf", "name", "many", "outcome", "rollout",
        "run", "model",
    ],
)  # fmt: skip
async def test_what_is_refused(evaluations: Evaluations, measured: Measured, field: str) -> None:
    with pytest.raises(ColonnadeError) as refused:
        await evaluations.record(measured, ENGINEER)
    assert refused.value.details["field"] == field


async def test_what_is_not_there(evaluations: Evaluations) -> None:
    for version in (0, 9):
        with pytest.raises(NotFound):
            await evaluations.record(replace(MEASURED, version=version, model="other"), ENGINEER)
        with pytest.raises(NotFound):
            await evaluations.page("other", version)
    with pytest.raises(NotFound):
        await evaluations.record(replace(MEASURED, version=0), ENGINEER)


async def test_pages_say_where_the_next_begins(evaluations: Evaluations) -> None:
    made = [await evaluations.record(MEASURED, ENGINEER) for _ in range(3)]
    found, token = await evaluations.page("smol", 1, page_size=2)
    assert (list(found), token) == (made[:0:-1], made[1].id)
    assert await evaluations.page("smol", 0, page_size=2, page_token=token) == ([made[0]], "")
    for size in (-1, 201):
        with pytest.raises(InvalidArgument, match="page_size"):
            await evaluations.page("smol", 1, page_size=size)
