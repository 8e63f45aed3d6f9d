"""Log-probabilities of given texts: requests whose tokens are known beforehand."""

import uuid
from collections.abc import Sequence as Row
from dataclasses import dataclass, field

from colonnade.engine.embedding import check_texts
from colonnade.engine.requests import check_length, require, require_adapter, too_long
from colonnade.engine.runtime import Runtime
from colonnade.engine.sequence import Sequence, Work
from colonnade.engine.text import Piece
from colonnade.errors import InvalidArgument
from colonnade.models.protocol import (
    Capability,
    Outputs,
    SampledToken,
    Sampler,
    SequenceView,
    Span,
    Step,
)

CHUNK = 128
"""Positions scored in one forward: each has a row of logits as wide as the vocabulary."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """Texts whose tokens are to be scored, each after the same context."""

    digest: str
    context: str
    texts: Row[str]
    adapter: str = ""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    tenant: str = ""
    deadline: float | None = None
    """On the core's clock."""


@dataclass(frozen=True, slots=True)
class Scored:
    texts: Row[Row[Piece]]
    """Each text's tokens with their logprobs, in the order of the texts."""
    prompt_tokens: int
    """That went through the model, the context's once a text."""


class ScoreDecoder:
    """Walks through a text and emits each of its tokens with its logprob, instead of drawing any.

    The sequence's own tokens are the context, at least one; those to be scored follow as they are emitted.
    """

    def __init__(self, context: Row[int], text: Row[int]) -> None:
        self.tokens: Row[int] = [*context, *text]

    def plan(self, sequence: SequenceView, budget: int) -> Span:
        start = sequence.committed
        end = min(len(self.tokens) - 1, start + min(budget, CHUNK))  # nothing follows the last token
        want = tuple(range(max(0, len(sequence.tokens) - 1 - start), end - start))
        return Span(sequence.handle, self.tokens[start:end], start, commit=end - start, want=want)

    def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
        if not span.want:
            return Step()
        following = [self.tokens[span.start + offset + 1] for offset in span.want]
        logprobs_WV = outputs.logits_WV.float().log_softmax(-1)
        return Step(
            emit=[
                SampledToken(token, float(row_V[token]))
                for token, row_V in zip(following, logprobs_WV, strict=True)
            ]
        )


@dataclass(frozen=True, slots=True)
class Scorable:
    """A text as tokens, behind those that condition it."""

    work: Work
    following: Row[int]

    def sequence(self, runtime: Runtime, arrived: float, leader: Sequence | None = None) -> Sequence:
        """``leader`` is one that may have the same context; its state is waited for if so."""
        context = self.work.tokens
        same = leader is not None and list(leader.work.tokens) == list(context)
        return Sequence(
            self.work,
            runtime,
            arrived,
            decoder=ScoreDecoder(context, self.following),
            known=len(context) + len(self.following) - 1,
            leader=leader if same else None,
        )


def scorables_of(asked: Scoring, runtime: Runtime) -> list[Scorable]:
    """Raises ``InvalidArgument``, ``TooLarge`` or ``Unsupported``."""
    require(runtime, Capability.SCORE)
    require_adapter(runtime, asked.adapter)
    check_length("context", asked.context)
    check_texts("text", asked.texts)
    names = ["text"] if len(asked.texts) == 1 else [f"text[{index}]" for index in range(len(asked.texts))]
    return [_scorable(asked, text, name, runtime) for name, text in zip(names, asked.texts, strict=True)]


def _scorable(asked: Scoring, text: str, name: str, runtime: Runtime) -> Scorable:
    """The text's first token counts to the context if that is empty, unless the model has a beginning token:
    that is a context, and a model without one cannot score the first."""
    begin = [runtime.begin_id] if runtime.begin_id is not None else []
    context = runtime.tokenizer.encode(asked.context) if asked.context else []
    whole = runtime.tokenizer.encode(asked.context + text)
    if not context and begin and whole[:1] != begin:
        context, whole = begin, begin + whole
    first = max(1, min(len(context), len(whole) - 1))
    if not text or len(whole) <= first:
        raise InvalidArgument(f"{name} has no tokens to score", field=name)
    if len(whole) > runtime.model.context_length:
        too_long(name, len(whole), runtime.model.context_length)
    tokens, following = whole[:first], whole[first:]
    work = Work(
        asked.request_id,
        asked.tenant,
        tokens,
        max_tokens=len(following),
        deadline=asked.deadline,
        adapter=asked.adapter or None,
    )
    return Scorable(work, following)
