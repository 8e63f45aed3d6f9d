"""Which version answers."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import NotFound
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.models import Resolution, Target
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.stages.draw_version import DrawVersion, draw, sticky_point
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import DIGEST, FakeCatalog


def resolution(*weights: int) -> Resolution:
    targets = tuple(Target("tiny", number, DIGEST, weight) for number, weight in enumerate(weights, 1))
    return Resolution("tiny", "production", targets)


def chosen(found: Resolution, user: str, tenant: str = "acme") -> int:
    return draw(found, sticky_point(found, tenant, user)).version


def test_users_are_spread_by_weight() -> None:
    counts = Counter(chosen(resolution(90, 10), f"user-{number}") for number in range(5000))
    assert 4350 < counts[1] < 4650
    assert counts[1] + counts[2] == 5000


def test_a_user_stays_and_moves_only_between_versions_whose_weights_moved() -> None:
    before, after = resolution(60, 40), resolution(50, 50)
    for number in range(500):
        user = f"user-{number}"
        assert chosen(before, user) == chosen(before, user)
        assert (chosen(before, user), chosen(after, user)) in {(1, 1), (2, 2), (1, 2)}


def test_the_same_name_in_another_tenant_is_another_user() -> None:
    found = resolution(50, 50)
    assert {chosen(found, "alice", f"tenant-{number}") for number in range(50)} == {1, 2}


async def test_without_a_user_the_draw_is_random_by_weight() -> None:
    stage = DrawVersion(Resolver(FakeCatalog(resolution(25, 75))), Random(3))
    counts: Counter[int] = Counter()
    for _ in range(1000):
        exchange = Exchange("id", identity=Principal("acme", "bob", frozenset({Role.CALLER})))
        exchange.spec = GenerationSpec(prompt="x")
        await stage.before(exchange)
        assert exchange.target is not None
        counts[exchange.target.version] += 1
    assert 200 < counts[1] < 300


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6), st.floats(0, 1, exclude_max=True))
def test_only_versions_with_weight_are_drawn(weights: list[int], point: float) -> None:
    found = resolution(*weights)
    if sum(weights) == 0:
        with pytest.raises(NotFound):
            draw(found, point)
    else:
        assert draw(found, point).weight > 0
