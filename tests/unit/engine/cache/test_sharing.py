"""Pages that several sequences hold."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.cache import CacheBudget, Chain, StateStore
from colonnade.engine.kernels.attention import PAGE
from colonnade.models.protocol import Batch, Span, StateSpec
from tests.unit.engine.cache.audit import audit

KV = StateSpec("kv", "paged_kv", (1, 4))


def _store(*specs: StateSpec, pages: int = 64, **more: Any) -> StateStore:
    store = StateStore(
        specs or (KV,), dtype=torch.float32, device=torch.device("cpu"), **{"sharing": True, **more}
    )
    store.join(CacheBudget(pages * 2 * PAGE * 4 * 4))
    return store


def _begin(store: StateStore, handle: int, tokens: list[int]) -> int:
    """Opens a sequence that begins with what others left; how many positions that is."""
    chain = Chain()
    assert store.open(handle, len(tokens) + 2 * PAGE, chain)
    return store.share(handle, chain, tokens[:-1])


def _commit(store: StateStore, handle: int, tokens: list[int], **how: Any) -> None:
    """The next ``tokens`` in one span."""
    start = store[handle].length
    assert store.extend(handle, start + len(tokens))
    store.view(Batch.of([Span(handle, tokens, start, commit=len(tokens), **how)])).commit()
    store.publish(handle)
    audit(store)


def test_what_one_computed_another_takes_over_up_to_its_last_token() -> None:
    store, text = _store(), list(range(3 * PAGE))
    assert _begin(store, 1, text) == 0
    _commit(store, 1, text)
    assert _begin(store, 2, text) == 2 * PAGE
    assert _begin(store, 3, [*text, 7]) == 3 * PAGE
    assert store[3].pages == store[1].pages
    assert store.held_bytes == 3 * store.page_bytes
    for handle in (1, 2, 3):
        store.close(handle)
    audit(store)
    assert (store.held_bytes, store.cached_bytes) == (0, 3 * store.page_bytes)
    assert _begin(store, 4, [*text[:PAGE], *[0] * PAGE]) == PAGE


def test_those_who_began_together_share_what_the_first_has_done_since() -> None:
    store, text = _store(), list(range(4 * PAGE))
    chain = Chain()
    assert store.open(1, len(text), Chain())
    assert store.open(2, len(text), chain)
    _commit(store, 2, text[:PAGE])
    _commit(store, 1, text[: 3 * PAGE])
    assert store.extend(2, len(text))
    assert store.share(2, chain, text) == 3 * PAGE
    audit(store)
    assert store[2].pages[1:] == store[1].pages[1:]
    _commit(store, 2, text[3 * PAGE :])
    assert store[2].tokens == text


def test_nothing_is_taken_over_in_the_middle_of_a_page_or_for_other_tokens() -> None:
    store, text = _store(), list(range(3 * PAGE))
    _begin(store, 1, text)
    _commit(store, 1, text)
    chain = Chain()
    assert store.open(2, len(text), chain)
    _commit(store, 2, text[: PAGE + 1])
    assert store.share(2, chain, text) == PAGE + 1
    assert store.open(3, len(text), chain)
    _commit(store, 3, [9] * PAGE)
    assert store.share(3, chain, text) == PAGE


def test_going_back_into_a_shared_page_gives_it_up_whole() -> None:
    store, text = _store(), list(range(2 * PAGE))
    _begin(store, 1, text)
    _commit(store, 1, text)
    assert store.rewind(1, PAGE + 3) == PAGE
    assert store[1].count == 1
    _commit(store, 1, [5] * PAGE)
    assert _begin(store, 2, [*text[:PAGE], *[5] * PAGE, 1]) == 2 * PAGE
    assert _begin(store, 3, [*text, 1]) == 2 * PAGE, "what was given up is still known"


@pytest.mark.parametrize(
    "how", [{"depth": 2}, {"extra": {"time": torch.zeros(1)}}, {"mask": "bidirectional"}], ids=str
)
def test_state_that_depends_on_more_than_the_tokens_is_nobody_elses(how: dict[str, Any]) -> None:
    store, text = _store(), list(range(4 * PAGE))
    _begin(store, 1, text)
    _commit(store, 1, text[:PAGE])
    _commit(store, 1, text[PAGE : 2 * PAGE], **how)
    _commit(store, 1, text[2 * PAGE :])
    assert _begin(store, 2, text) == PAGE
    assert len(store.index) == 1


def test_blocks_are_shared_whole() -> None:
    """Blocks of 24 tokens: pages and blocks end together every 48 positions."""
    store, text = _store(page_multiple=24), list(range(120))
    _begin(store, 1, text)
    for start in range(0, 120, 24):
        _commit(store, 1, text[start : start + 24], mask="bidirectional")
    assert len(store.index) == 120 // PAGE
    assert _begin(store, 2, text) == 96
    assert _begin(store, 3, text[:90]) == 48
    half = _store(page_multiple=24)
    _begin(half, 1, text)
    _commit(half, 1, text[:24], mask="bidirectional")
    _commit(half, 1, text[24:36], mask="bidirectional")
    assert len(half.index) == 1, "a part of a block depends on what the part is"


@pytest.mark.parametrize(
    "specs",
    [
        (StateSpec("h", "fixed", (4,), rewind="snapshot"),),
        (KV, StateSpec("h", "fixed", (4,))),
        (StateSpec("kv", "paged_kv", (1, 4), prefix_pure=False),),
    ],
    ids=["recurrent", "mixed", "impure"],
)
def test_families_without_pure_pages_share_nothing(specs: tuple[StateSpec, ...]) -> None:
    store, text = _store(*specs), list(range(2 * PAGE))
    assert not store.sharing
    _begin(store, 1, text)
    _commit(store, 1, text)
    assert _begin(store, 2, text) == 0
    assert len(store.index) == 0


def test_a_family_that_does_not_declare_it_shares_nothing() -> None:
    store, text = _store(sharing=False), list(range(2 * PAGE))
    _begin(store, 1, text)
    _commit(store, 1, text)
    assert _begin(store, 2, text) == 0


ACTS = st.lists(
    st.tuples(st.sampled_from(["open", "commit", "rewind", "close"]), st.integers(0, 3), st.integers(0, 40)),
    max_size=40,
)


@settings(deadline=None, max_examples=80)
@given(ACTS)
def test_shared_pages_always_hold_the_tokens_that_they_are_known_by(acts: list[tuple[str, int, int]]) -> None:
    """Each page's content is marked with its tokens; whoever holds it must find its own there."""
    store = _store(pages=9)
    texts: dict[int, list[int]] = {}
    for act, handle, size in acts:
        if act == "open" and handle not in texts:
            text = [1] * size
            chain = Chain()
            assert store.open(handle, 200, chain)
            texts[handle] = text[: store.share(handle, chain, text)]
        elif act == "commit" and handle in texts:
            tokens, start = [1 + (size > 30)] * (1 + size // 2), len(texts[handle])
            if start + len(tokens) <= 200 and store.extend(handle, start + len(tokens)):
                _write(store, handle, start, tokens)
                _commit(store, handle, tokens)
                texts[handle] += tokens
        elif act == "rewind" and handle in texts:
            texts[handle] = texts[handle][: store.rewind(handle, min(size, len(texts[handle])))]
        elif act == "close":
            store.close(handle)
            texts.pop(handle, None)
        audit(store)
        for each, text in texts.items():
            assert _marks(store, each) == text == store[each].tokens


def _write(store: StateStore, handle: int, start: int, tokens: list[int]) -> None:
    pages = store.pages("kv")
    for place, token in enumerate(tokens, start):
        pages[store[handle].pages[place // PAGE], 0, 0, place % PAGE, 0] = token


def _marks(store: StateStore, handle: int) -> list[int]:
    if not store[handle].count:
        return []
    marks = store.pages("kv")[store[handle].pages, 0, 0, :, 0].flatten()
    return [int(mark) for mark in marks[: store[handle].length]]
