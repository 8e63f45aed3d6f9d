"""What holds of a store's pages at any time."""

from collections import Counter

from colonnade.engine.cache import StateStore
from colonnade.engine.kernels.attention import PAGE


def audit(store: StateStore) -> None:
    """Every page is in one condition, held as often as sequences have it, found by its own key alone."""
    pool, index = store.pool, store.index
    held = Counter(page for state in store._sequences.values() for page in state.pages)
    every = range(len(pool._references))
    assert pool._references == [held[page] for page in every]
    free = [*pool._absent, *pool._blank, *pool._cached]
    assert sorted([*free, *held]) == [*every], "a page was lost, or is in two places"
    assert pool.held == len(held)
    assert index._pages == {key: page for page, key in index._keys.items()}
    assert set(pool._cached) <= set(index._keys) <= {*pool._cached, *held}
    for state in store._sequences.values():
        assert len(state.tokens) == state.length
        assert not store.page_bytes or state.length <= state.count * PAGE
        shared = [place for place, page in enumerate(state.pages) if held[page] > 1 or page in index]
        assert all((place + 1) * PAGE <= state.length for place in shared), "a page that is shared is full"
    assert store.held_bytes == pool.held * store.page_bytes + len(store) * store.fixed_bytes
