"""One request at a time through a decoder, on the plainest state, with or without guesses.

After every step it is checked that the state holds what was decided, less the newest token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count as counting

import torch

from colonnade.engine.runtime import Runtime
from colonnade.engine.sampling import Constraint, Sampling, TokenSampler
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
    constraint: Constraint | None = None
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


class Driven:
    """A request with its decoder and sampler, stepped alone."""

    def __init__(self, runtime: Runtime, request: Request, *, guessed: bool) -> None:
        self.runtime, self.request = runtime, request
        self.sampler = TokenSampler(request.sampling, request.tokens, request.constraint)
        self.states = ReferenceStates(runtime.model.states)
        plain: Decoder = runtime.model.decoder()
        self.decoder = SpeculativeDecoder(plain, Pace(0.5), runtime.stop_ids) if guessed else plain

    @property
    def ended(self) -> bool:
        ids = self.request.ids
        return not self.request.remaining or bool(ids and ids[-1] in self.runtime.stop_ids)

    @property
    def generating(self) -> bool:
        return len(self.request.tokens) - self.request.committed == 1

    def wanted(self, count: int) -> list[Wanted]:
        """What to ask of a guesser, if anything; like the engine, for no more than can be emitted."""
        count = min(count, self.request.remaining - 1)
        asks = self.generating and count > 0
        return [Wanted(self.request, self.sampler, count, self.runtime.stop_ids)] if asks else []

    def take(self, guess: Sequence[int]) -> None:
        assert isinstance(self.decoder, SpeculativeDecoder)
        self.decoder.guess = guess

    def step(self, budget: int = 1000) -> None:
        request = self.request
        span = self.decoder.plan(request, budget)
        assert span.start == request.committed
        assert 1 <= len(span.tokens) <= max(1, budget)
        batch = Batch.of([span])
        outputs = self.runtime.model.forward(batch, self.states.of(batch))
        request.committed = span.start + span.commit
        step = self.decoder.absorb(request, span, outputs, self.sampler)
        if step.rewind_to is not None:
            self.states.rewind(request.handle, step.rewind_to)
            request.committed = step.rewind_to
        assert len(step.emit) <= request.remaining
        request.tokens += [token.id for token in step.emit]
        request.answer += step.emit
        request.forwards += 1
        assert not step.emit or request.committed == len(request.tokens) - 1

    def finish(self) -> Request:
        if isinstance(self.decoder, SpeculativeDecoder):
            self.request.tally = self.decoder.tally
        return self.request


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
    driven = Driven(runtime, request, guessed=guesser is not None)
    while not driven.ended:
        wanted = driven.wanted(count)
        if guesser and wanted:
            driven.take(guesser.guess(wanted)[0])
        driven.step(budgets[request.forwards % len(budgets)])
    if guesser:
        guesser.leave(request.handle)
    return driven.finish()


@torch.inference_mode()
def drive_together(
    runtime: Runtime, requests: Sequence[Request], guesser: Guesser, *, counts: Sequence[int] = (4,)
) -> list[Request]:
    """Runs the requests side by side; the i-th joins in the i-th step. Each has its own count of guesses."""
    waiting = [Driven(runtime, request, guessed=True) for request in requests]
    running: list[tuple[Driven, int]] = []
    everyone = list(waiting)
    while waiting or running:
        if waiting:
            running.append((waiting.pop(0), counts[len(running) % len(counts)]))
        asking = [(driven, wanted) for driven, count in running for wanted in driven.wanted(count)]
        guesses = guesser.guess([wanted for _, wanted in asking])
        for (driven, _), guess in zip(asking, guesses, strict=True):
            driven.take(guess)
        for driven, _ in running:
            driven.step()
        for driven, _ in running:
            if driven.ended:
                guesser.leave(driven.request.handle)
        running = [each for each in running if not each[0].ended]
    return [driven.finish() for driven in everyone]
