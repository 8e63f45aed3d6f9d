"""Several models under one budget."""

import pytest
import torch

from colonnade.engine.cache import CacheBudget, Chain, StateStore
from colonnade.engine.kernels.attention import PAGE
from colonnade.models.protocol import Batch, Span, StateSpec
from tests.unit.engine.cache.audit import audit

SMALL = StateSpec("kv", "paged_kv", (1, 4))
LARGE = StateSpec("kv", "paged_kv", (3, 4))
PAGE_BYTES = 2 * PAGE * 4 * 4


def _stores(pages: int, *specs: StateSpec) -> list[StateStore]:
    budget = CacheBudget(pages * PAGE_BYTES)
    stores = [
        StateStore([spec], dtype=torch.float32, device=torch.device("cpu"), sharing=True) for spec in specs
    ]
    for store in stores:
        store.join(budget)
    return stores


def _fill(store: StateStore, handle: int, tokens: list[int], *, close: bool = True) -> None:
    chain = Chain()
    assert store.open(handle, len(tokens), chain)
    assert store.extend(handle, len(tokens))
    store.view(Batch.of([Span(handle, tokens, 0, commit=len(tokens))])).commit()
    store.publish(handle)
    if close:
        store.close(handle)
    audit(store)


def _shared(store: StateStore, tokens: list[int]) -> int:
    """How many positions another sequence would find."""
    chain = Chain()
    assert store.open(-1, len(tokens), chain)
    found = store.share(-1, chain, tokens)
    store.close(-1)
    return found


def test_the_page_that_is_free_for_the_longest_time_goes_first_whichever_models_it_is() -> None:
    one, two = _stores(4, SMALL, SMALL)
    _fill(one, 1, [1] * PAGE)
    _fill(two, 2, [2] * PAGE)
    _fill(one, 3, [3] * PAGE)
    _fill(two, 4, [4] * PAGE)
    _fill(two, 5, [5] * 2 * PAGE, close=False)
    assert [_shared(one, [1] * PAGE), _shared(two, [2] * PAGE)] == [0, 0]
    assert [_shared(one, [3] * PAGE), _shared(two, [4] * PAGE)] == [PAGE, PAGE]
    audit(one)
    audit(two)


def test_worthless_pages_go_before_those_that_can_be_shared() -> None:
    one, two = _stores(4, SMALL, SMALL)
    _fill(one, 1, [1] * PAGE)
    _fill(one, 2, [2] * (PAGE - 1))
    _fill(two, 3, [3] * 3 * PAGE, close=False)
    assert _shared(one, [1] * PAGE) == PAGE
    assert (one.pool.blank, one.pool.cached) == (0, 1)


def test_a_text_loses_its_end_first() -> None:
    (store,) = _stores(4, SMALL)
    _fill(store, 1, [1] * 3 * PAGE)
    _fill(store, 2, [2] * 2 * PAGE, close=False)
    assert _shared(store, [1] * 3 * PAGE) == 2 * PAGE


def test_pages_of_other_sizes_make_room_together() -> None:
    small, large = _stores(6, SMALL, LARGE)
    _fill(small, 1, [1] * 6 * PAGE)
    _fill(large, 2, [1] * PAGE, close=False)
    budget_bytes = small.pool.resident * small.page_bytes + large.pool.resident * large.page_bytes
    assert budget_bytes == 6 * PAGE_BYTES
    assert small.cached_bytes == 3 * PAGE_BYTES
    assert large.open(3, PAGE)
    assert large.extend(3, PAGE)
    assert small.cached_bytes == 0
    assert small.open(4, PAGE)
    assert not small.extend(4, PAGE)
    assert small.held_bytes == 0


def test_a_model_that_goes_takes_its_bytes_along() -> None:
    budget = CacheBudget(4 * PAGE_BYTES)
    store = StateStore([SMALL], dtype=torch.float32, device=torch.device("cpu"), sharing=True)
    store.join(budget)
    store.join(budget)
    _fill(store, 1, [1] * 2 * PAGE, close=False)
    with pytest.raises(AssertionError):
        store.leave()
    store.close(1)
    assert (budget.held_bytes, budget.cached_bytes, budget.resident_bytes) == (
        0,
        2 * PAGE_BYTES,
        2 * PAGE_BYTES,
    )
    store.leave()
    assert (budget.resident_bytes, budget.holders) == (0, ())
    store.join(budget)
    assert _shared(store, [1] * 2 * PAGE) == 0


def test_what_only_saves_work_is_given_back_on_request() -> None:
    budget, held = CacheBudget(100), [3, 2, 1]

    def forgo() -> bool:
        return bool(held and held.pop())

    budget.may_forgo(forgo)
    assert [budget.forgo() for _ in range(4)] == [True, True, True, False]
    held.append(4)
    budget.must_keep(forgo)
    assert not budget.forgo()
