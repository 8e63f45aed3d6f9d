import pytest
import torch

from colonnade.models.protocol import Batch, Span, StateSpec
from colonnade.models.reference_state import ReferenceStates, visible

PAGED = StateSpec("kv", "paged_kv", (2, 4))
FIXED = StateSpec("memory", "fixed", (3,))


def attend(states: ReferenceStates, spans: list[Span], seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    batch = Batch.of(spans)
    rows = len(batch.tokens_N)
    return states.of(batch).attend(
        "kv", torch.randn(rows, 4, 4), torch.randn(rows, 2, 4), torch.randn(rows, 2, 4), scale=0.5
    )


def kept(states: ReferenceStates, sequence: int) -> int:
    return len(states.paged["kv", sequence][0])


def test_only_the_committed_part_is_kept() -> None:
    states = ReferenceStates([PAGED])
    attend(states, [Span(1, [5, 6, 7], 0, commit=2), Span(2, [5], 0, commit=0)])
    assert (kept(states, 1), kept(states, 2)) == (2, 0)


def test_a_block_can_be_tried_again_until_it_commits() -> None:
    states = ReferenceStates([PAGED])
    attend(states, [Span(1, [1, 2], 0, commit=2)])
    tries = [attend(states, [Span(1, [3, 4], 2, commit=c, mask="bidirectional")], 7) for c in (0, 0, 2)]
    torch.testing.assert_close(tries[0], tries[2], rtol=0, atol=0)
    assert kept(states, 1) == 4


def test_a_span_must_start_where_the_state_ends() -> None:
    states = ReferenceStates([PAGED])
    with pytest.raises(AssertionError, match="starts where"):
        attend(states, [Span(1, [1], 3, commit=1)])


def test_masks() -> None:
    cpu = torch.device("cpu")
    causal = visible(Span(0, [1, 2], 2, 2), None, cpu)
    assert causal.tolist() == [[True, True, True, False], [True] * 4]
    both = visible(Span(0, [1, 2], 2, 2, mask="bidirectional"), None, cpu)
    assert both.tolist() == [[True] * 4] * 2
    windowed = visible(Span(0, [1, 2], 2, 2), 2, cpu)
    assert windowed.tolist() == [[False, True, True, False], [False, False, True, True]]


def test_rewind_copy_and_forget() -> None:
    states = ReferenceStates([PAGED, FIXED])
    attend(states, [Span(1, [1, 2, 3], 0, commit=3)])
    states.copy(1, 2)
    states.rewind(2, 1)
    assert (kept(states, 1), kept(states, 2)) == (3, 1)
    states.forget(1)
    assert ("kv", 1) not in states.paged
    assert kept(states, 2) == 1


def test_fixed_state_starts_at_zero_and_changes_with_full_commits_only() -> None:
    states = ReferenceStates([FIXED])
    batch = Batch.of([Span(1, [5, 6], 0, commit=2), Span(2, [5, 6], 0, commit=1)])
    view = states.of(batch)
    assert view.read("memory").tolist() == [[0.0] * 3] * 2
    view.write("memory", torch.ones(2, 3))
    assert view.read("memory").tolist() == [[1.0] * 3, [0.0] * 3]
