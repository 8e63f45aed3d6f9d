from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.protocol import Outputs, SampledToken, Span
from tests.unit.models.running import Request

DECODER = AutoregressiveDecoder()


@given(length=st.integers(1, 40), budgets=st.lists(st.integers(1, 9), min_size=40, max_size=40))
def test_chunks_cover_the_prompt_once_and_only_the_last_wants_logits(length: int, budgets: list[int]) -> None:
    request = Request(list(range(length)))
    spans: list[Span] = []
    while request.committed < length:
        span = DECODER.plan(request, budgets[len(spans)])
        assert len(span.tokens) <= budgets[len(spans)]
        spans.append(span)
        request.committed += span.commit
    assert [token for span in spans for token in span.tokens] == request.tokens
    assert [tuple(span.want) for span in spans[:-1]] == [()] * (len(spans) - 1)
    assert spans[-1].want == (len(spans[-1].tokens) - 1,)
    assert {span.mask for span in spans} == {"causal"}


def test_draws_the_next_position_from_the_last_row() -> None:
    request = Request([4, 5, 6], handle=9, committed=1)
    span = DECODER.plan(request, 10)
    seen: list[tuple[list[float], int, int]] = []

    def sample(
        logits_V: torch.Tensor, position: int, draw: int = 0, after: Sequence[int] = ()
    ) -> SampledToken:
        seen.append((logits_V.tolist(), position, draw))
        return SampledToken(1)

    step = DECODER.absorb(request, span, Outputs(torch.tensor([[0.0, 2.0]])), sample)
    assert (span.sequence, span.start, step.emit) == (9, 1, (SampledToken(1),))
    assert seen == [([0.0, 2.0], 3, 0)]


def test_a_chunk_in_the_middle_decides_nothing() -> None:
    request = Request([4, 5, 6])
    span = DECODER.plan(request, 2)
    step = DECODER.absorb(request, span, Outputs(torch.empty(0, 2)), lambda *_: pytest.fail("sampled"))
    assert step.emit == ()
