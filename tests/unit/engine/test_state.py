import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.state import BLOCK, CacheBudget, StateStore
from colonnade.errors import Internal
from colonnade.models.protocol import Batch, Span, StateSpec
from colonnade.models.reference_state import ReferenceStates

HEADS, GROUPS, WIDTH = 4, 2, 8
KV = StateSpec("kv", "paged_kv", (GROUPS, WIDTH))
WINDOWED = StateSpec("near", "paged_kv", (GROUPS, WIDTH), window=3)
FIXED = StateSpec("hidden", "fixed", (5,))


def _store(*specs: StateSpec) -> StateStore:
    return StateStore(specs or (KV, WINDOWED, FIXED), dtype=torch.float32, device=torch.device("cpu"))


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
        store.open(handle, 200)
    for step in range(max(map(len, plans))):
        spans = []
        for handle, plan in enumerate(plans):
            if step < len(plan):
                count, commit, mask = plan[step]
                commit = min(commit, count)
                spans.append(Span(handle, [0] * count, lengths[handle], commit, mask=mask))  # type: ignore[arg-type]
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
    store.open(1, 50)
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
        store.open(handle, 10)
    view = store.view(Batch.of([Span(1, [0, 0], 0, commit=2), Span(2, [0, 0], 0, commit=0)]))
    assert view.read("hidden").shape == (2, 5)
    view.write("hidden", torch.ones(2, 5))
    view.commit()
    assert store[1].fixed["hidden"].all()
    assert not store[2].fixed["hidden"].any()


def test_bytes_are_those_of_the_tensors_and_never_more_than_reserved() -> None:
    store = _store()
    for handle in (1, 2):
        store.open(handle, 100)
    for start in range(100):
        span = Span(1, [0], start, commit=1)
        view = store.view(Batch.of([span]))
        for name in ("kv", "near"):
            view.attend(name, torch.ones(1, HEADS, WIDTH), *torch.ones(2, 1, GROUPS, WIDTH), scale=1.0)
        view.commit()
        held = [store[handle] for handle in (1, 2)]
        real = sum(t.nbytes for each in held for t in (*each.kv.values(), *each.fixed.values()))
        assert store.allocated_bytes == real
        assert store[1].allocated_bytes <= store.bytes_for(100)
    assert store[1].kv["kv"].shape[2] == 100 > BLOCK
    store.close(1)
    store.close(1)
    store.close(2)
    assert (store.allocated_bytes, len(store)) == (0, 0)


def test_growing_keeps_what_was_there() -> None:
    store = _store(KV)
    store.open(1, 1000)
    keys = torch.randn(300, GROUPS, WIDTH)
    for start in range(0, 300, 50):
        view = store.view(Batch.of([Span(1, [0] * 50, start, commit=50)]))
        part = keys[start : start + 50]
        view.attend("kv", torch.ones(50, HEADS, WIDTH), part, part, scale=1.0)
        view.commit()
    assert torch.equal(store[1].kv["kv"][0, :, :300], keys.transpose(0, 1))


def test_going_back_forgets_and_refuses_what_it_cannot() -> None:
    store = _store(KV)
    store.open(1, 10)
    store[1].length = 6
    store.rewind(1, 4)
    assert store[1].length == 4
    with pytest.raises(Internal):
        store.rewind(1, 5)
    only_snapshots = _store(StateSpec("s", "fixed", (2,), rewind="snapshot"))
    only_snapshots.open(1, 10)
    only_snapshots[1].length = 3
    with pytest.raises(Internal):
        only_snapshots.rewind(1, 2)


def test_a_budget_gives_what_it_has_and_no_more() -> None:
    budget = CacheBudget(100)
    assert budget.reserve(60)
    assert not budget.reserve(41)
    assert budget.reserve(40)
    budget.release(60)
    assert budget.reserved_bytes == 40
    with pytest.raises(AssertionError):
        budget.release(41)
