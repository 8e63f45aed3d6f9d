"""A text's vector does not depend on the company, on the chunks, or on who gives way to whom."""

from typing import cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.engine.core import Core
from colonnade.engine.embedding import EmbedDecoder
from colonnade.engine.scheduler import Limits
from tests.unit.engine.embedded import plainly, shared_runtime, submitted
from tests.unit.engine.embedded import vectors_of as through
from tests.unit.engine.toys.loaded import EMBEDDERS
from tests.unit.engine.work import finish_all, sequence

TEXTS = st.lists(st.text("abc dé€", min_size=1, max_size=14), min_size=1, max_size=9)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("family", sorted(EMBEDDERS))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=TEXTS,
    step_tokens=st.sampled_from([1, 5, 40]),
    sequences=st.sampled_from([1, 3, 32]),
    pages=st.sampled_from([6, 100]),
    answers=st.integers(0, 3),
)
def test_the_company_does_not_change_a_vector(
    family: str, texts: list[str], step_tokens: int, sequences: int, pages: int, answers: int
) -> None:
    made = shared_runtime(family)
    limits = Limits(64, sequences, step_tokens, pages * made.store.page_bytes)
    core = Core(limits)
    if family == "transformer":
        for number in range(answers):
            core.submit(sequence(made, "some prompt", 4, request_id=str(number)))
    vectors = through(core, made, texts)
    for vector, text in zip(vectors, texts, strict=True):
        torch.testing.assert_close(vector, plainly(made, text), atol=1e-6, rtol=1e-5)
    load = core.load()
    assert (load.cache_bytes, load.outstanding_tokens, made.active) == (0, 0, 0)


def test_those_who_leave_change_nothing() -> None:
    made, core = shared_runtime("encoder"), Core(Limits(max_sequences=2))
    staying = submitted(core, made, ["a cat", "a dog"])
    leaving = submitted(core, made, ["gone", "away"])
    core.abort(*leaving)
    finish_all(core)
    for each, text in zip(staying, ["a cat", "a dog"], strict=True):
        vector = torch.tensor(cast("EmbedDecoder", each.decoder).vector)
        torch.testing.assert_close(vector, plainly(made, text), atol=1e-6, rtol=1e-5)
