"""How a model in training goes on with a prompt: the most likely token, again and again.

It runs as it will be served, through the family's own decoder and state, so every family is sampled alike.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from colonnade.models.protocol import Batch, LanguageModel, SampledToken
from colonnade.models.reference_state import ReferenceStates

_WHOLE = 1 << 20


@dataclass
class _Sequence:
    tokens: list[int]
    limit: int
    committed: int = 0
    handle: int = 0
    prompt: int = field(init=False)

    def __post_init__(self) -> None:
        self.prompt = len(self.tokens)

    @property
    def remaining(self) -> int:
        return self.limit - (len(self.tokens) - self.prompt)


def _likeliest(logits_V: Tensor, position: int, draw: int = 0, after: Sequence[int] = ()) -> SampledToken:
    return SampledToken(int(logits_V.argmax()))


@contextmanager
def _evaluating(model: LanguageModel) -> Iterator[None]:
    """Nothing is left out by chance inside."""
    assert isinstance(model, nn.Module)
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


@torch.inference_mode()
def continued(model: LanguageModel, tokenizer: Tokenizer, prompt: Sequence[int], limit: int, end: int) -> str:
    """At most ``limit`` tokens of text, up to the token ``end``. The model is in evaluation meanwhile."""
    with _evaluating(model):
        return _continued(model, tokenizer, prompt, limit, end)


def _continued(
    model: LanguageModel, tokenizer: Tokenizer, prompt: Sequence[int], limit: int, end: int
) -> str:
    tokens = prompt[-(model.context_length - 1) :] or [end]
    sequence = _Sequence(list(tokens), min(limit, model.context_length - len(tokens)))
    states, decoder = ReferenceStates(model.states), model.decoder()
    while sequence.remaining > 0:
        span = decoder.plan(sequence, _WHOLE)
        batch = Batch.of([span], model.device)
        outputs = model.forward(batch, states.of(batch))
        sequence.committed = span.start + span.commit
        step = decoder.absorb(sequence, span, outputs, _likeliest)
        emitted = [token.id for token in step.emit]
        if end in emitted or step.done:
            sequence.tokens += emitted[: emitted.index(end)] if end in emitted else emitted
            break
        sequence.tokens += emitted
    return str(tokenizer.decode(sequence.tokens[sequence.prompt :]))
