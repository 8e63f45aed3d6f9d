"""Engines with little room: requests give way, come back, begin with what others left. Nobody can tell."""

from functools import cache, partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from colonnade.models.protocol import LanguageModel
from tests.contract.engine.alone import alone
from tests.contract.engine.by_hand import SteppedCore
from tests.contract.engine.cases import CROWDED, Ask
from tests.contract.engine.suite import check_as_if_alone
from tests.unit.engine.toys.block_diffusion import BlockDiffusion
from tests.unit.engine.toys.loaded import FAMILIES, runtime
from tests.unit.engine.toys.reserving import Reserving

LARGEST = 100
"""Positions that a request of these tests may come to hold."""
MODELS = {**FAMILIES, "reserving": Reserving}
families = pytest.mark.parametrize("family", MODELS)
sharing = pytest.mark.parametrize("family", ["autoregressive", "early_exit", "transformer"])


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@cache
def _model(family: str) -> LanguageModel:
    return MODELS[family]()


def _runtime(family: str) -> Runtime:
    return runtime(family, _model(family))


def _crowded(family: str, spare_pages: int, *, sequences: int = 5, step_tokens: int = 24) -> SteppedCore:
    """Room for the largest request and a few pages more."""
    mine = _runtime(family)
    room = mine.store.bytes_for(LARGEST) + spare_pages * mine.store.bytes_for(16)
    return SteppedCore(mine, Limits(64, sequences, step_tokens, room))


@families
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    asks=st.lists(CROWDED, min_size=4, max_size=9, unique=True),
    spare_pages=st.integers(0, 6),
    step_tokens=st.sampled_from([1, 7, 24, 200]),
)
def test_answers_do_not_depend_on_the_room(
    family: str, asks: list[Ask], spare_pages: int, step_tokens: int
) -> None:
    engine = _crowded(family, spare_pages, step_tokens=step_tokens)
    check_as_if_alone(engine, asks, partial(alone, _runtime(family)))


@families
def test_who_gives_way_goes_on_where_it_was(family: str) -> None:
    asks = [Ask("abc" * 4, 60, temperature=0.9, seed=seed) for seed in range(4)]
    engine = _crowded(family, 0)
    check_as_if_alone(engine, asks, partial(alone, _runtime(family)))
    store = engine.runtime.store
    assert (engine.core.load().preemptions > 0) == (store.page_bytes > 0 and store.recomputable)


@sharing
def test_a_beginning_that_was_seen_is_not_worked_off_again(family: str) -> None:
    """Followers use what their leader computed; the second time around all full pages are there."""
    engine = SteppedCore(_runtime(family), Limits())
    asks = [Ask("x" * 50, 6, seed=seed, follows=True, temperature=0.8) for seed in range(3)]
    check_as_if_alone(engine, asks, partial(alone, _runtime(family)))
    assert engine.core.load().prefix_hit_tokens == 2 * 48
    check_as_if_alone(engine, asks, partial(alone, _runtime(family)))
    assert engine.core.load().prefix_hit_tokens == (2 + 3) * 48


@pytest.mark.parametrize("family", ["recurrent", "block_diffusion", "reserving"])
def test_families_that_cannot_share_do_not(family: str) -> None:
    engine = SteppedCore(_runtime(family), Limits())
    asks = [Ask("x" * 50, 6, seed=seed, follows=True) for seed in range(3)]
    check_as_if_alone(engine, asks, partial(alone, _runtime(family)))
    load = engine.core.load()
    assert (load.prefix_hit_tokens, load.cached_bytes) == (0, 0)


@families
def test_nothing_grows_over_many_requests(family: str) -> None:
    """Pool, index and tables are as large after many requests as they may be at all."""
    engine = _crowded(family, 3)
    store = engine.runtime.store
    for round_ in range(25):
        asks = [Ask(f"{round_}-{number} " + "y" * 20, 2, arrives=number % 3) for number in range(8)]
        engine.answers(asks)
        assert not any(engine.held().values())
    pages = engine.core.limits.cache_bytes // max(1, store.page_bytes)
    assert len(store.index) <= store.pool.resident <= pages
    assert len(store.pool._references) <= pages
    assert len(store) == 0
    assert len(engine.core.scheduler._served) <= 1


def test_the_block_diffusion_toy_makes_the_same_state_again() -> None:
    """Blocks that were emitted are committed again as blocks, not as a prompt."""
    masks: list[tuple[str, int]] = []

    class Watched(BlockDiffusion):
        def forward(self, batch, state):  # type: ignore[no-untyped-def]
            masks.extend((span.mask, span.start) for span in batch.spans if span.commit)
            return super().forward(batch, state)

    watched = runtime("block_diffusion", Watched())
    room = watched.store.bytes_for(LARGEST)
    engine = SteppedCore(watched, Limits(64, 4, 24, room))
    asks = [Ask("abc" * 4, 60, seed=seed, temperature=0.9) for seed in range(4)]
    check_as_if_alone(engine, asks, partial(alone, watched))
    assert engine.core.load().preemptions > 0
    assert {mask for mask, start in masks if start < 12} == {"causal"}
    assert {mask for mask, start in masks if start >= 12} == {"bidirectional"}
