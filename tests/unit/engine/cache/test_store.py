import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.cache import CacheBudget, Chain, StateStore
from colonnade.engine.kernels.attention import PAGE
from colonnade.errors import Internal
from colonnade.models.protocol import Batch, Span, StateSpec
from colonnade.models.reference_state import ReferenceStates

HEADS, GROUPS, WIDTH = 4, 2, 8
KV = StateSpec("kv", "paged_kv", (GROUPS, WIDTH))
WINDOWED = StateSpec("near", "paged_kv", (GROUPS, WIDTH), window=3)
FIXED = StateSpec("hidden", "fixed", (5,))
KV_PAGE = 2 * GROUPS * PAGE * WIDTH * 4


def _store(*specs: StateSpec, limit: int = 1 << 20, sharing: bool = False) -> StateStore:
    store = StateStore(
        specs or (KV, WINDOWED, FIXED), dtype=torch.float32, device=torch.device("cpu"), sharing=sharing
    )
    store.join(CacheBudget(limit))
    return store


def _run(store: StateStore, *spans: Span) -> None:
    """A forward that keeps what the spans commit, without keys that mean anything."""
    for span in spans:
        assert store.extend(span.sequence, span.start + len(span.tokens))
    store.view(Batch.of(spans)).commit()
    for span in spans:
        store.publish(span.sequence)


def _feed(store: StateStore, handle: int, tokens: list[int], chain: Chain | None = None) -> None:
    assert store.open(handle, len(tokens) + PAGE, chain)
    _run(store, Span(handle, tokens, 0, commit=len(tokens)))


SPANS = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 9), st.sampled_from(["causal", "bidirectional"])),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(SPANS, min_size=1, max_size=3), st.integers(0, 99))
def test_attention_equals_the_written_out_reference(
    plans: list[list[tuple[int, int, str]]], seed: int
) -> None:
    """Several sequences, ragged spans, partly committed, both masks, with and without a window."""
    generator = torch.Generator().manual_seed(seed)
    store, slow = _store(), ReferenceStates([KV, WINDOWED, FIXED])
    lengths = dict.fromkeys(range(len(plans)), 0)
    for handle in lengths:
        assert store.open(handle, 200)
    for step in range(max(map(len, plans))):
        spans = []
        for handle, plan in enumerate(plans):
            if step < len(plan):
                count, commit, mask = plan[step]
                commit = min(commit, count)
                spans.append(Span(handle, [0] * count, lengths[handle], commit, mask=mask))  # type: ignore[arg-type]
                assert store.extend(handle, lengths[handle] + count)
                lengths[handle] += commit
        batch = Batch.of(spans)
        count = len(batch.tokens_N)
        fast_view, slow_view = store.view(batch), slow.of(batch)
        for name in ("kv", "near"):
            q = torch.randn(count, HEADS, WIDTH, generator=generator)
            k, v = torch.randn(2, count, GROUPS, WIDTH, generator=generator)
            got = fast_view.attend(name, q, k, v, scale=0.3)
            torch.testing.assert_close(got, slow_view.attend(name, q, k, v, scale=0.3), atol=2e-5, rtol=1e-4)
        fast_view.commit()


def test_a_failed_forward_leaves_no_trace() -> None:
    store = _store()
    assert store.open(1, 50)
    assert store.extend(1, 2)
    batch = Batch.of([Span(1, [0, 0], 0, commit=2)])
    view = store.view(batch)
    view.attend("kv", torch.ones(2, HEADS, WIDTH), *torch.ones(2, 2, GROUPS, WIDTH), scale=1.0)
    view.write("hidden", torch.ones(1, 5))
    assert store[1].length == 0
    assert not store[1].fixed["hidden"].any()
    again = store.view(batch)
    again.write("hidden", torch.full((1, 5), 2.0))
    again.commit()
    assert store[1].length == 2
    assert (store[1].fixed["hidden"] == 2.0).all()


def test_fixed_state_is_written_only_where_the_whole_span_is_kept() -> None:
    store = _store(FIXED)
    for handle in (1, 2):
        assert store.open(handle, 10)
    view = store.view(Batch.of([Span(1, [0, 0], 0, commit=2), Span(2, [0, 0], 0, commit=0)]))
    assert view.read("hidden").shape == (2, 5)
    view.write("hidden", torch.ones(2, 5))
    view.commit()
    assert store[1].fixed["hidden"].all()
    assert not store[2].fixed["hidden"].any()


def test_bytes_are_those_of_the_pages_and_the_rest_is_counted_as_waste() -> None:
    store = _store()
    for handle in (1, 2):
        assert store.open(handle, 100)
    for start in range(100):
        _run(store, Span(1, [0], start, commit=1))
        pages = start // PAGE + 1
        assert store.held_bytes == 2 * KV_PAGE * pages + 2 * 5 * 4
        assert store.wasted_bytes == 2 * KV_PAGE * (pages * PAGE - start - 1) // PAGE
    assert store.held_bytes == store.bytes_for(100) + store.bytes_for(0)
    store.close(1)
    store.close(1)
    store.close(2)
    assert (store.held_bytes, store.wasted_bytes, len(store), store.pool.held) == (0, 0, 0, 0)


def test_without_room_nothing_is_taken() -> None:
    store = _store(KV, FIXED, limit=3 * KV_PAGE + 20)
    assert store.open(1, 100)
    assert store.extend(1, 2 * PAGE)
    assert not store.extend(1, 4 * PAGE)
    assert store.held_bytes == 2 * KV_PAGE + 20
    assert store.extend(1, 3 * PAGE)
    assert not store.extend(1, 3 * PAGE + 1)
    assert not store.open(2, 100)
    assert len(store) == 1


def test_going_back_forgets_and_refuses_what_it_cannot() -> None:
    store = _store(KV)
    _feed(store, 1, [0] * 40)
    assert store.rewind(1, 18) == 18
    assert (store[1].length, store[1].count, len(store[1].tokens)) == (18, 2, 18)
    with pytest.raises(Internal):
        store.rewind(1, 19)
    only_snapshots = _store(StateSpec("s", "fixed", (2,), rewind="snapshot"))
    _feed(only_snapshots, 1, [0] * 3)
    with pytest.raises(Internal):
        only_snapshots.rewind(1, 2)


def test_what_is_reserved_stays_reserved() -> None:
    store = _store(StateSpec("kv", "paged_kv", (GROUPS, WIDTH), prefix_pure=False))
    assert not store.recomputable
    assert store.open(1, 100)
    assert store.extend(1, 100)
    _run(store, Span(1, [0] * 20, 0, commit=20))
    store.rewind(1, 3)
    assert store.held_bytes == store.bytes_for(100)


def test_pages_may_be_of_half_precision() -> None:
    store = StateStore([KV, FIXED], dtype=torch.float32, page_dtype=torch.float16, device=torch.device("cpu"))
    assert (store.page_bytes, store.fixed_bytes) == (KV_PAGE // 2, 20)
    store.join(CacheBudget(1 << 20))
    _feed(store, 1, [1, 2, 3])
    assert store.pages("kv").dtype == torch.float16
    assert store[1].fixed["hidden"].dtype == torch.float32
