"""One request at a time through a decoder, on the plainest state, with or without guesses.

After every step it is checked that the state holds what was decided, less the newest token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count as counting

import torch

from colonnade.engine.runtime import Runtime
from colonnade.engine.sampling import Sampling, TokenSampler
from colonnade.engine.speculation.decoder import SpeculativeDecoder, Tally
from colonnade.engine.speculation.guessers import Guesser, Wanted
from colonnade.engine.speculation.lengths import Pace
from colonnade.models.protocol import Batch, Decoder, SampledToken
from colonnade.models.reference_state import ReferenceStates

_HANDLES = counting(10_000)


@dataclass
class Request:
    """A ``SequenceView`` with what drives it."""

    tokens: list[int]
    limit: int
    sampling: Sampling = field(default_factory=Sampling)
    committed: int = 0
    handle: int = field(default_factory=lambda: next(_HANDLES))
    answer: list[SampledToken] = field(default_factory=list)
    forwards: int = 0
    tally: Tally = field(default_factory=Tally)

    @property
    def remaining(self) -> int:
        return self.limit - len(self.answer)

    @property
    def ids(self) -> list[int]:
        return [token.id for token in self.answer]


@torch.inference_mode()
def drive(
    runtime: Runtime,
    request: Request,
    guesser: Guesser | None = None,
    *,
    count: int = 4,
    budgets: Sequence[int] = (1000,),
) -> Request:
    """Runs the request to its end; each forward has the next of ``budgets``, over and over."""
    sampler = TokenSampler(request.sampling, request.tokens)
    states = ReferenceStates(runtime.model.states)
    decoder: Decoder = runtime.model.decoder()
    speculative = SpeculativeDecoder(decoder, Pace(0.5), runtime.stop_ids) if guesser else None
    while request.remaining and not (request.ids and request.ids[-1] in runtime.stop_ids):
        budget = budgets[request.forwards % len(budgets)]
        if guesser and speculative and len(request.tokens) - request.committed == 1:
            wanted = Wanted(request, sampler, count, runtime.stop_ids)
            speculative.guess = guesser.guess([wanted])[0]
        _step(runtime, request, speculative or decoder, states, sampler, budget)
    if guesser and speculative:
        guesser.leave(request.handle)
        request.tally = speculative.tally
    return request


def _step(
    runtime: Runtime,
    request: Request,
    decoder: Decoder,
    states: ReferenceStates,
    sampler: TokenSampler,
    budget: int,
) -> None:
    span = decoder.plan(request, budget)
    assert span.start == request.committed
    assert 1 <= len(span.tokens) <= max(1, budget)
    batch = Batch.of([span])
    outputs = runtime.model.forward(batch, states.of(batch))
    request.committed = span.start + span.commit
    step = decoder.absorb(request, span, outputs, sampler)
    if step.rewind_to is not None:
        states.rewind(request.handle, step.rewind_to)
        request.committed = step.rewind_to
    assert len(step.emit) <= request.remaining
    request.tokens += [token.id for token in step.emit]
    request.answer += step.emit
    request.forwards += 1
    assert not step.emit or request.committed == len(request.tokens) - 1
