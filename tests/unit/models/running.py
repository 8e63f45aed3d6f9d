"""Ways to run a model that tests compare with each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from colonnade.errors import ColonnadeError
from colonnade.models.families.transformer import Transformer, TransformerConfig, presets
from colonnade.models.protocol import Batch, LanguageModel, SampledToken, Span
from colonnade.models.reference_state import ReferenceStates


def randomised(config: TransformerConfig | None = None, seed: int = 0) -> Transformer:
    """A model none of whose parameters is left at zero or one, so that a forgotten one shows."""
    torch.manual_seed(seed)
    model = Transformer(config or presets.debug())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def chunked(model: LanguageModel, tokens: Sequence[int], cuts: Sequence[int]) -> Tensor:
    """Logits of all positions, computed in chunks that end at ``cuts`` over committed state."""
    states, pieces = ReferenceStates(model.states), []
    with torch.inference_mode():
        for start, end in zip((0, *cuts), (*cuts, len(tokens)), strict=True):
            part = tokens[start:end]
            batch = Batch.of([Span(0, part, start, commit=len(part), want=range(len(part)))])
            pieces.append(model.forward(batch, states.of(batch)).logits_WV)
    return torch.cat(pieces)


@dataclass
class Request:
    """A ``SequenceView`` that a test drives by hand."""

    tokens: list[int]
    handle: int = 0
    committed: int = 0
    remaining: int = 1 << 30
    budgets: list[int] = field(default_factory=list)


def refusal_of(call: Callable[[], object]) -> ColonnadeError | None:
    """What the call was refused with; None when it went through. Any other exception passes on."""
    try:
        call()
    except ColonnadeError as error:
        return error
    return None


def greedy(logits_V: Tensor, position: int, draw: int = 0, after: Sequence[int] = ()) -> SampledToken:
    return SampledToken(int(logits_V.argmax()))


def generate(model: LanguageModel, prompt: Sequence[int], count: int, budget: int = 1 << 20) -> list[int]:
    """``count`` greedy tokens by the model's own decoder, over the reference state."""
    request, decoder = Request(list(prompt)), model.decoder()
    states = ReferenceStates(model.states)
    with torch.inference_mode():
        while len(request.tokens) < len(prompt) + count:
            span = decoder.plan(request, budget)
            batch = Batch.of([span])
            outputs = model.forward(batch, states.of(batch))
            request.committed += span.commit
            request.tokens += [token.id for token in decoder.absorb(request, span, outputs, greedy).emit]
    return request.tokens[len(prompt) :]
