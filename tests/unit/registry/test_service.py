"""The use cases: references to versions, pages, aliases with their audit."""

from typing import Any

import pytest

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, NotFound, Unavailable
from colonnade.registry.domain import Target
from colonnade.registry.service import Registry
from tests.unit.registry.fakes import ENGINEER, MemoryTrail, MemoryVersionStore, draft, ticking


@pytest.fixture
def trail() -> MemoryTrail:
    return MemoryTrail()


@pytest.fixture
async def store() -> MemoryVersionStore:
    """``smol`` with versions 1 and 2, then ``big``; both in production."""
    store = MemoryVersionStore()
    for name, seed, size in (("smol", 1, "135M"), ("smol", 2, "135M"), ("big", 3, "7B")):
        await store.register(draft(name, seed, size=size), alias="")
    return store


@pytest.fixture
def registry(store: MemoryVersionStore, trail: MemoryTrail) -> Registry:
    return Registry(store, trail, clock=ticking())


@pytest.mark.parametrize(
    ("reference", "size", "expected"),
    [
        ("smol", "", ("smol", "production", [1])),
        ("smol@production", "", ("smol", "production", [1])),
        ("smol:2", "", ("smol", "", [2])),
        ("", "135M", ("smol", "production", [1])),
        ("", "7B", ("big", "production", [1])),
        ("", "", ("big", "production", [1])),
    ],
)
async def test_references(registry: Registry, reference: str, size: str, expected: Any) -> None:
    found = await registry.resolve(reference, size)
    assert (found.name, found.alias, [manifest.version for manifest, _ in found.targets]) == expected
    assert [weight for _, weight in found.targets] == [100]


@pytest.mark.parametrize(
    ("reference", "size", "error", "message"),
    [
        ("nobody", "", NotFound, "there is no model nobody"),
        ("smol@canary", "", NotFound, "model smol has no alias canary"),
        ("smol:9", "", NotFound, "model smol has no version 9"),
        ("", "1B", NotFound, "no model of size 1B is in production"),
        ("smol", "7B", InvalidArgument, "not both"),
        ("Smol", "", InvalidArgument, "model must be"),
        ("", "huge", InvalidArgument, "model_size must be"),
        ("x" * 300, "", InvalidArgument, "256"),
    ],
)
async def test_references_that_lead_nowhere(
    registry: Registry, reference: str, size: str, error: type[ColonnadeError], message: str
) -> None:
    with pytest.raises(error, match=message) as refusal:
        await registry.resolve(reference, size)
    assert refusal.value.details["field"] in ("model", "model_size")


async def test_who_asks_for_vectors_gets_a_model_made_for_them(
    registry: Registry, store: MemoryVersionStore
) -> None:
    assert (await registry.resolve(embeds=True)).name == "big"
    await store.register(draft("minilm", 4, size="23M", family="encoder"), alias="")
    assert (await registry.resolve(embeds=True)).name == "minilm"
    assert (await registry.resolve("", "7B", embeds=True)).name == "big"
    assert (await registry.resolve("smol", embeds=True)).name == "smol"
    assert (await registry.resolve()).name == "big"
    with pytest.raises(NotFound):
        await registry.resolve("", "23M")
    with pytest.raises(InvalidArgument, match="not both"):
        await registry.resolve("smol", "7B", embeds=True)


async def test_without_any_model_it_says_what_to_do(trail: MemoryTrail) -> None:
    with pytest.raises(NotFound, match="colonnade models import"):
        await Registry(MemoryVersionStore(), trail).resolve()


async def test_a_default_can_be_set(store: MemoryVersionStore, trail: MemoryTrail) -> None:
    found = await Registry(store, trail, default_model="smol:2").resolve()
    assert (found.name, found.targets[0][0].version) == ("smol", 2)
    with pytest.raises(InvalidArgument):
        Registry(store, trail, default_model="not a reference")


async def test_every_page_once(store: MemoryVersionStore, registry: Registry) -> None:
    for number in range(23):
        await store.register(draft(f"m{number:02}", 100 + number), alias="")
    names, token = [], ""
    while True:
        page = await registry.list_models(page_size=10, page_token=token)
        assert len(page.models) <= 10
        names += [model.name for model in page.models]
        token = page.next_token
        if not token:
            break
    assert names == sorted(["smol", "big", *(f"m{number:02}" for number in range(23))])
    assert len((await registry.list_models()).models) == 25


@pytest.mark.parametrize(
    "arguments",
    [
        {"page_size": -1},
        {"page_size": 201},
        *({"page_token": token} for token in ("?", "ä", "QQ", "a" * 9999)),
    ],
)
async def test_pages_that_are_none(registry: Registry, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await registry.list_models(**arguments)
    assert refusal.value.details["field"] in arguments


async def test_a_model_with_its_versions(registry: Registry) -> None:
    model, versions = await registry.get_model("smol")
    assert model.latest_version == 2
    assert [version.manifest.version for version in versions] == [2, 1]
    assert await registry.get_manifest(versions[0].manifest.digest) == versions[0].manifest
    with pytest.raises(NotFound, match="no model nobody"):
        await registry.get_model("nobody")
    with pytest.raises(NotFound, match="digest"):
        await registry.get_manifest(f"sha256:{'0' * 64}")
    with pytest.raises(InvalidArgument):
        await registry.get_manifest("sha256:0")


async def test_a_move_is_announced_made_and_recorded(registry: Registry, trail: MemoryTrail) -> None:
    targets = [Target(1, 90), Target(2, 10)]
    moved = await registry.set_alias("smol", "production", targets, ENGINEER, expected_revision=1)
    assert (moved.revision, moved.updated_by) == (2, "acme/eve")
    facts = {"model": "smol", "alias": "production", "targets": "1=90,2=10"}
    assert trail.records == [
        ("registry.alias.set", "eve", "begun", facts),
        ("registry.alias.set", "eve", "ok", facts | {"revision": 2}),
    ]
    await registry.delete_alias("smol", "production", ENGINEER)
    assert trail.outcomes == ["begun", "ok", "begun", "ok"]


async def test_a_refused_move_is_recorded_with_its_reason(registry: Registry, trail: MemoryTrail) -> None:
    with pytest.raises(Conflict):
        await registry.set_alias("smol", "production", [Target(2, 100)], ENGINEER, expected_revision=7)
    assert trail.outcomes == ["begun", "refused"]
    assert trail.records[-1][3]["code"] == "conflict"


async def test_without_an_audit_trail_nothing_moves(registry: Registry, trail: MemoryTrail) -> None:
    trail.failure = Unavailable("the audit log cannot be written")
    before = await registry.get_model("smol")
    with pytest.raises(Unavailable):
        await registry.set_alias("smol", "production", [Target(2, 100)], ENGINEER)
    with pytest.raises(Unavailable):
        await registry.delete_alias("smol", "production", ENGINEER)
    assert await registry.get_model("smol") == before


@pytest.mark.parametrize(
    ("name", "alias", "targets"),
    [("Smol", "production", [Target(1, 100)]), ("smol", "Production", [Target(1, 100)]),
     ("smol", "production", []), ("smol", "production", [Target(1, 60), Target(2, 60)])],
)  # fmt: skip
async def test_malformed_moves_do_not_reach_the_trail(
    registry: Registry, trail: MemoryTrail, name: str, alias: str, targets: list[Target]
) -> None:
    with pytest.raises(InvalidArgument):
        await registry.set_alias(name, alias, targets, ENGINEER)
    assert trail.records == []
