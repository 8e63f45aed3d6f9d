"""Caches of answers as the gateway tells of them, counts what they give, and has them forget."""

from typing import Any

import httpx
import pytest
from httpx import ASGITransport
from structlog.testing import capture_logs

from colonnade.errors import PermissionDenied, Unavailable
from colonnade.gateway.domain.caching import Cached, Caching
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.generation import Chunk, Token
from colonnade.gateway.domain.models import Alias, AliasTarget, ImportOrder, Model, ModelDetail
from colonnade.gateway.domain.usage import Amounts, Tally
from colonnade.gateway.http.caching import caching_of
from colonnade.gateway.service.caches import Caches
from colonnade.gateway.service.models import Models
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import DIGEST, FakeAudit, FakeCaches, FakeCatalog, House, finish, version

ADMIN = Caller(Principal("local", "boss", frozenset({Role.ADMIN})), "r")
OTHERS_ADMIN = Caller(Principal("acme", "boss", frozenset({Role.ADMIN})), "r")
BODIES = {
    "/generate": {"prompt": "x", "temperature": 0},
    "/v1/chat/completions": {"model": "tiny", "messages": [{"role": "user", "content": "x"}]},
    "/v1/completions": {"model": "tiny", "prompt": "x"},
    "/v1/responses": {"model": "tiny", "input": "x"},
    "/v2/models/tiny/generate": {"text_input": "x"},
}


def answered(house: House, *cached: Cached | None) -> None:
    """What the generator says in its first and its last chunk."""
    first, last = (*cached, None)[:2]
    house.generator.chunks = [
        Chunk("Pa", (Token(1, "Pa"),), cached=first),
        Chunk("ris", (Token(2, "ris"),), finish(prompt=3, completion=2), cached=last),
    ]


async def post(house: House, path: str = "/generate", **headers: str) -> httpx.Response:
    transport = ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.post(path, json=BODIES[path], headers=headers)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, Caching()),
        ("no-cache", Caching(refresh=True)),
        ("No-Cache", Caching(refresh=True)),
        ("max-age=0, no-store", Caching(off=True)),
        ("no-cache=x,no-store", Caching(refresh=True, off=True)),
        ("private", Caching()),
        (", ,=", Caching()),
    ],
    ids=["none", "no-cache", "case", "no-store", "both", "other", "nonsense"],
)
def test_cache_control(header: str | None, wanted: Caching) -> None:
    assert caching_of(header) == wanted


@pytest.mark.parametrize("path", list(BODIES))
async def test_every_route_that_generates_honours_it(path: str) -> None:
    house = House()
    answered(house, Cached("hit", age_seconds=12.4, similarity=1))
    reply = await post(house, path, **{"cache-control": "no-cache"})
    assert reply.status_code == 200, reply.text
    assert house.generator.callers[-1].caching == Caching(refresh=True)
    assert reply.headers["x-colonnade-cache"] == "hit"
    assert reply.headers["x-colonnade-cache-age"] == "12"


@pytest.mark.parametrize(
    ("cached", "header", "part"),
    [
        (None, None, None),
        (Cached("miss"), "miss", None),
        (Cached("hit", 2.5, 1.0), "hit", {"kind": "hit", "age_seconds": 2.5, "similarity": 1.0}),
        (
            Cached("semantic", 1.0, 0.97),
            "semantic",
            {"kind": "semantic", "age_seconds": 1.0, "similarity": 0.97},
        ),
        (Cached("joined", 0.1, 1.0), "joined", {"kind": "joined", "age_seconds": 0.1, "similarity": 1.0}),
    ],
    ids=["off", "miss", "hit", "semantic", "joined"],
)
async def test_an_answer_says_where_it_came_from(
    cached: Cached | None, header: str | None, part: dict[str, Any] | None
) -> None:
    house = House()
    answered(house, cached)
    reply = await post(house)
    assert reply.headers.get("x-colonnade-cache") == header
    assert ("x-colonnade-cache-age" in reply.headers) == (part is not None)
    assert reply.json().get("cache") == part


async def counted(house: House) -> Amounts:
    await house.fair_use.close()
    return sum((entry.amounts for entry in house.ledger.entries), Amounts())


@pytest.mark.parametrize(
    ("cached", "amounts"),
    [
        ((Cached("miss"),), Amounts(1, 3, 0, 2)),
        ((Cached("hit"),), Amounts(1, cached_requests=1, cached_completion_tokens=2)),
        ((Cached("semantic"),), Amounts(1, cached_requests=1, cached_completion_tokens=2)),
        ((Cached("joined"),), Amounts(1, cached_requests=1, cached_completion_tokens=2)),
        (
            (Cached("joined"), Cached("joined", 0, 1, 3, 1)),
            Amounts(1, 3, 0, 1, cached_requests=1, cached_completion_tokens=1),
        ),
    ],
    ids=["miss", "hit", "semantic", "joined", "heir"],
)
async def test_only_what_was_generated_counts_as_such(cached: tuple[Cached, ...], amounts: Amounts) -> None:
    house = House()
    answered(house, *cached)
    assert (await post(house)).json()["usage"]["completion_tokens"] == 2
    assert await counted(house) == amounts


def test_what_is_generated_for_everyone_together_is_what_was_generated() -> None:
    """Whoever asked first leaves after a token; of the other two, one is told to answer for the rest."""
    first, heir, other = Tally(), Tally(), Tally()
    first.add(Chunk("a", (Token(1, "a"),), cached=Cached("miss")))
    first.add(Chunk("", finish=finish("cancelled", prompt=0, completion=1)))
    for tally, last in ((heir, Cached("joined", 0, 1, 3, 4)), (other, None)):
        tally.add(Chunk("a", (Token(1, "a"),), cached=Cached("joined")))
        tally.add(Chunk("b", finish=finish(prompt=3, completion=5), cached=last))
    total = sum((tally.amounts for tally in (first, heir, other)), Amounts())
    assert total == Amounts(3, 3, 0, 5, cached_requests=2, cached_completion_tokens=1 + 5)


async def test_a_hit_is_in_the_audit_log() -> None:
    house = House()
    answered(house, Cached("hit"))
    await post(house)
    assert house.audit.records[-1][-1]["cached"] == "hit"


async def ask(house: House, method: str, path: str) -> httpx.Response:
    transport = ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.request(method, path)


async def test_how_the_caches_stand() -> None:
    house = House()
    house.caches.kept = {(DIGEST, "local"): 7}
    reply = await ask(house, "GET", "/cache")
    assert reply.json() == {
        "store": "memory", "answers": 7, "size_bytes": 10, "max_bytes": 100, "hits": 1, "semantic_hits": 2,
        "joined": 3, "misses": 4, "evictions": 5, "semantic_questions": 6, "thresholds": {"tiny": 0.9},
    }  # fmt: skip


async def test_they_forget_what_they_are_told_to() -> None:
    house = House()
    kept = {(DIGEST, "local"): 2, (DIGEST, "acme"): 3, ("sha256:other", "acme"): 5}
    for query, answers in (
        ("?model=tiny", 5),
        ("?model=tiny:1&tenant=acme", 3),
        ("?tenant=acme", 8),
        ("?model=poet:2", 5),
        ("", 10),
    ):
        house.caches.kept = dict(kept)
        assert (await ask(house, "DELETE", f"/cache{query}")).json() == {"answers": answers}, query
    assert {record[0] for record in house.audit.records} == {"cache.purge"}


@pytest.mark.parametrize(
    ("query", "status"), [("?model=nobody@x", 404), ("?model=a b", 400), ("?tenant=" + "x" * 65, 413)]
)
async def test_bad_purges(query: str, status: int) -> None:
    reply = await ask(House(), "DELETE", f"/cache{query}")
    assert reply.status_code == status, reply.text


async def test_another_tenants_answers_are_not_ours_to_forget() -> None:
    port = FakeCaches({(DIGEST, "acme"): 1, (DIGEST, "umbrella"): 1})
    caches = Caches(port, FakeCatalog(), FakeAudit())
    with pytest.raises(PermissionDenied, match="another tenant"):
        await caches.purge(OTHERS_ADMIN, "", "umbrella")
    assert await caches.purge(OTHERS_ADMIN, "", "") == 1
    assert list(port.kept) == [(DIGEST, "umbrella")]


class Moving(FakeCatalog):
    """Two versions, whose alias is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.behind: dict[str, tuple[int, ...]] = {"production": (1,)}

    async def get(self, caller: Caller, name: str) -> ModelDetail:
        aliases = tuple(
            Alias(alias, tuple(AliasTarget(number, 50) for number in numbers), 1)
            for alias, numbers in self.behind.items()
        )
        detail = await super().get(caller, name)
        second = type(version())(
            **{field: getattr(version(), field) for field in version().__slots__}
            | {"version": 2, "digest": "sha256:second"}
        )
        return ModelDetail(Model("tiny", "", "1M", 2, aliases), (*detail.versions, second))

    async def set_alias(self, caller: Caller, name: str, alias: str, targets: Any, revision: Any) -> Alias:
        self.behind[alias] = tuple(target.version for target in targets)
        return await super().set_alias(caller, name, alias, targets, revision)

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None:
        del self.behind[alias]


@pytest.fixture
def port() -> FakeCaches:
    return FakeCaches({(DIGEST, "acme"): 2, ("sha256:second", "acme"): 3})


def models(catalog: FakeCatalog, port: FakeCaches) -> Models:
    return Models(catalog, FakeAudit(), caches=Caches(port, catalog, FakeAudit()))


@pytest.mark.parametrize(
    ("targets", "kept"),
    [([2], ["sha256:second"]), ([1, 2], [DIGEST, "sha256:second"]), ([1], [DIGEST, "sha256:second"])],
    ids=["promoted", "shared", "as before"],
)
async def test_a_version_that_lost_its_place_is_forgotten(
    port: FakeCaches, targets: list[int], kept: list[str]
) -> None:
    moved = [AliasTarget(number, 50) for number in targets]
    await models(Moving(), port).set_alias(ADMIN, "tiny", "production", moved, None)
    assert [digest for digest, _ in port.kept] == kept


async def test_one_whose_alias_is_gone_is_forgotten(port: FakeCaches) -> None:
    await models(Moving(), port).delete_alias(ADMIN, "tiny", "production")
    assert [digest for digest, _ in port.kept] == ["sha256:second"]


async def test_one_that_an_import_replaces_is_forgotten(port: FakeCaches) -> None:
    catalog = Moving()
    order = ImportOrder("bundled:tiny", "tiny", "production")
    async for _ in models(catalog, port).bring_in(ADMIN, order):
        catalog.behind["production"] = (2,)
    assert [digest for digest, _ in port.kept] == ["sha256:second"]


async def test_a_cache_that_is_away_stops_no_promotion(port: FakeCaches) -> None:
    port.error = Unavailable("away")
    with capture_logs() as lines:
        await models(Moving(), port).set_alias(ADMIN, "tiny", "production", [AliasTarget(2, 100)], None)
    assert "not forgotten" in lines[-1]["event"]
