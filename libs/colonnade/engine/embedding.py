"""Vectors of texts: requests whose answer is the pooled hidden states of their tokens, with length 1.

A bidirectional model takes a text in one span and keeps nothing of it. A causal one takes it in chunks like
any prompt, so a long text never holds up those that generate.
"""

import uuid
from collections.abc import Sequence as Row
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import normalize

from colonnade.engine.requests import MAX_TEXT_CHARACTERS, require, require_adapter
from colonnade.engine.runtime import Runtime
from colonnade.engine.sequence import Sequence, Work
from colonnade.errors import Internal, InvalidArgument, TooLarge
from colonnade.models.protocol import (
    Capability,
    EmbeddingSpec,
    Outputs,
    Sampler,
    SequenceView,
    Span,
    Step,
)

MAX_TEXTS = 2048
"""Of one call."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Texts that are to become vectors."""

    digest: str
    texts: Row[str]
    truncate: bool = False
    """Cut a text that is too long, instead of refusing it."""
    adapter: str = ""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    tenant: str = ""
    deadline: float | None = None
    """On the core's clock."""


@dataclass(frozen=True, slots=True)
class Embedded:
    vectors: Row[Row[float]]
    """Of length 1, in the order of the texts."""
    prompt_tokens: int


class EmbedDecoder:
    """Decides no tokens: sums up the hidden states of a text's as they come, each of them once.

    A sequence that had to give way begins again; what was pooled before is not pooled twice."""

    def __init__(self, tokens: Row[int], spec: EmbeddingSpec) -> None:
        self._tokens, self._spec = tokens, spec
        self._pooled = 0
        """Positions that are in the sum."""
        self._sum_D: Tensor = torch.zeros(spec.width, dtype=torch.float64)
        self._vector_D: Tensor | None = None

    @property
    def vector(self) -> list[float]:
        """There is one once the sequence has finished."""
        if self._vector_D is None:
            raise Internal("the text was not embedded")
        values: list[float] = self._vector_D.tolist()
        return values

    def plan(self, sequence: SequenceView, budget: int) -> Span:
        start, length = sequence.committed, len(self._tokens)
        both_ways = self._spec.mask == "bidirectional"
        end = length if both_ways else min(length, start + budget)
        return Span(
            sequence.handle,
            self._tokens[start:end],
            start,
            commit=0 if both_ways else end - start,
            mask=self._spec.mask,
            want=[place - start for place in self._wanted(end) if place >= start],
            output="hidden",
        )

    def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
        if outputs.hidden_WD is None:
            raise Internal("the model answered without the hidden states that it was asked for")
        end = span.start + len(span.tokens)
        self._sum_D += outputs.hidden_WD.sum(0, dtype=torch.float64).to(self._sum_D.device)
        self._pooled = max(self._pooled, end)
        if end < len(self._tokens):
            return Step()
        if not bool(torch.isfinite(self._sum_D).all()):
            raise Internal("the model's output is not a number")
        self._vector_D = normalize(self._sum_D, dim=0).float()
        return Step(done=True)

    def _wanted(self, end: int) -> Row[int]:
        """The positions before ``end`` that belong into the sum and are not in it yet."""
        if self._spec.pooling == "mean":
            return range(self._pooled, end)
        place = 0 if self._spec.pooling == "cls" else len(self._tokens) - 1
        return range(place, place + 1) if self._pooled <= place < end else ()


def works_of(asked: Embedding, runtime: Runtime) -> list[Work]:
    """One piece of work a text. Raises ``InvalidArgument``, ``TooLarge`` or ``Unsupported``."""
    spec = spec_of(runtime)
    require_adapter(runtime, asked.adapter)
    check_texts("input", asked.texts)
    return [
        Work(
            asked.request_id,
            asked.tenant,
            tokens,
            max_tokens=1,
            deadline=asked.deadline,
            adapter=asked.adapter or None,
        )
        for tokens in (
            _encode(text, f"input[{index}]", spec, runtime, asked.truncate)
            for index, text in enumerate(asked.texts)
        )
    ]


def sequence_of(work: Work, runtime: Runtime, arrived: float) -> Sequence:
    """A text on its way to its vector. Nobody's state serves it, as the rows of all its tokens are wanted."""
    spec = spec_of(runtime)
    decoder, whole = EmbedDecoder(work.tokens, spec), spec.mask == "bidirectional"
    return Sequence(work, runtime, arrived, decoder=decoder, reuses=False, whole=whole)


def spec_of(runtime: Runtime) -> EmbeddingSpec:
    """How the model embeds. Raises ``Unsupported`` if it does not."""
    require(runtime, Capability.EMBED)
    spec = runtime.model.embedding_spec
    if spec is None:
        raise Internal("the model declares the capability embed, but not how")
    return spec


def check_texts(field: str, texts: Row[str]) -> None:
    """How many they are, and how large together; ``field`` is what callers know them by."""
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise InvalidArgument(
            f"{field} must hold between 1 and {MAX_TEXTS} texts; {len(texts)} were given",
            field=field,
            limit=MAX_TEXTS,
        )
    size = sum(map(len, texts))
    if size > MAX_TEXT_CHARACTERS:
        raise TooLarge(
            f"{field} has {size} characters in all; at most {MAX_TEXT_CHARACTERS}",
            field=field,
            limit=MAX_TEXT_CHARACTERS,
        )


def _encode(text: str, field: str, spec: EmbeddingSpec, runtime: Runtime, truncate: bool) -> list[int]:
    limit = spec.max_tokens
    tokens = runtime.tokenizer.encode(text)
    if not tokens:
        raise InvalidArgument(f"{field} has no tokens", field=field)
    if len(tokens) <= limit:
        return tokens
    if truncate:
        return runtime.tokenizer.encode_within(text, limit)
    raise InvalidArgument(
        f"{field} has {len(tokens)} tokens; this model embeds at most {limit}; split it or set truncate",
        field=field, limit=limit, tokens=len(tokens),
    )  # fmt: skip
