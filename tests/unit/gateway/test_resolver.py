"""How long an answer of the registry counts."""

import pytest

from colonnade.errors import NotFound, Unavailable
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.service.models import Models
from colonnade.gateway.service.resolver import Resolver
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import FakeAudit, FakeCatalog

ACME, OTHER = (
    Caller(Principal(tenant, "bob", frozenset({Role.MODEL_ENGINEER})), "id") for tenant in ("acme", "other")
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def resolver(catalog: FakeCatalog, clock: Clock) -> Resolver:
    return Resolver(catalog, 1.0, clock)


async def test_the_registry_is_asked_once_in_a_while(
    resolver: Resolver, catalog: FakeCatalog, clock: Clock
) -> None:
    for now in (100.0, 100.5, 100.99, 101.0, 101.5):
        clock.now = now
        assert (await resolver.resolve(ACME, "tiny", "")) == (catalog.resolution, True)
    assert len(catalog.calls) == 2


async def test_what_differs_is_asked_for_apart(resolver: Resolver, catalog: FakeCatalog) -> None:
    await resolver.resolve(ACME, "tiny", "")
    await resolver.resolve(OTHER, "tiny", "")
    await resolver.resolve(ACME, "", "1M")
    await resolver.resolve(ACME, "", "", embeds=True)
    assert len(catalog.calls) == 4


async def test_without_a_time_every_request_asks(catalog: FakeCatalog) -> None:
    resolver = Resolver(catalog)
    for _ in range(3):
        await resolver.resolve(ACME, "tiny", "")
    assert len(catalog.calls) == 3


async def test_a_move_through_this_gateway_holds_at_once(resolver: Resolver, catalog: FakeCatalog) -> None:
    models = Models(catalog, FakeAudit(), resolver.forget)
    await resolver.resolve(ACME, "tiny", "")
    await models.set_alias(ACME, "tiny", "production", (), None)
    await resolver.resolve(ACME, "tiny", "")
    await models.delete_alias(ACME, "tiny", "production")
    await resolver.resolve(ACME, "tiny", "")
    assert sum(call[0] == "resolve" for call in catalog.calls) == 3


async def test_what_is_stale_serves_while_the_registry_is_away(
    resolver: Resolver, catalog: FakeCatalog, clock: Clock
) -> None:
    await resolver.resolve(ACME, "tiny", "")
    catalog.error, clock.now = Unavailable("away"), 200.0
    assert await resolver.resolve(ACME, "tiny", "") == (catalog.resolution, False)
    with pytest.raises(Unavailable):
        await resolver.resolve(OTHER, "tiny", "")


async def test_a_refusal_is_not_remembered(resolver: Resolver, catalog: FakeCatalog) -> None:
    for _ in range(2):
        with pytest.raises(NotFound):
            await resolver.resolve(ACME, "absent", "")
    assert len(catalog.calls) == 2
