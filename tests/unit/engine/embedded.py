"""Texts to their vectors: through a core that is stepped by hand, and by the family's plain forward."""

from collections.abc import Sequence as Row
from functools import cache
from typing import Any, cast

import torch
from torch.nn.functional import normalize

from colonnade.engine.core import Core
from colonnade.engine.embedding import EmbedDecoder, Embedding, sequence_of, works_of
from colonnade.engine.runtime import Runtime
from colonnade.engine.sequence import FinishReason, Sequence
from colonnade.models.protocol import Batch, Span
from colonnade.models.reference_state import ReferenceStates
from tests.unit.engine.toys.loaded import runtime
from tests.unit.engine.work import finish_all, last_of


@cache
def shared_runtime(family: str) -> Runtime:
    return runtime(family)


def submitted(core: Core, runtime: Runtime, texts: Row[str], **more: Any) -> list[Sequence]:
    works = works_of(Embedding(runtime.ref.digest, texts, **more), runtime)
    sequences = [sequence_of(work, runtime, core.clock()) for work in works]
    for sequence in sequences:
        core.submit(sequence)
    return sequences


def vectors_of(core: Core, runtime: Runtime, texts: Row[str], **more: Any) -> torch.Tensor:
    """Steps until all texts are through."""
    sequences = submitted(core, runtime, texts, **more)
    updates = finish_all(core)
    for sequence in sequences:
        finish = last_of(updates, sequence).finish
        assert finish is not None
        assert (finish.reason, finish.completion_tokens) == (FinishReason.STOP, 0)
    return torch.tensor([cast("EmbedDecoder", sequence.decoder).vector for sequence in sequences])


def plainly(runtime: Runtime, text: str) -> torch.Tensor:
    """The vector of one text, if nothing else ever happened."""
    spec, tokens = runtime.model.embedding_spec, runtime.tokenizer.encode(text)
    assert spec is not None
    span = Span(0, tokens, 0, commit=0, mask=spec.mask, want=range(len(tokens)), output="hidden")
    batch = Batch.of([span])
    with torch.inference_mode():
        hidden_WD = runtime.model.forward(batch, ReferenceStates(runtime.model.states).of(batch)).hidden_WD
    assert hidden_WD is not None
    return normalize(hidden_WD.mean(0), dim=0)
