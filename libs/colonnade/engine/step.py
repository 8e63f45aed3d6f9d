"""One forward of a batch and what its sequences make of it; faults stay with the request that has them.

A forward that fails is repeated span by span, so that the request it fails for fails alone. Nothing of a
failed forward is kept (``cache.BatchState``), which makes the repetition exact.
"""

import time
from collections.abc import Iterator
from collections.abc import Sequence as Row
from dataclasses import dataclass, replace

import torch

from colonnade.engine.runtime import Runtime
from colonnade.engine.sequence import Sequence
from colonnade.errors import ColonnadeError, Internal
from colonnade.models.protocol import Batch, Outputs, Span, Step
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
STALLED = 1000
"""Forwards that may pass without a token decided or a position kept."""
_NOTHING = Step()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a forward was for one sequence: the family's step, or the error that ends the request."""

    sequence: Sequence
    step: Step = _NOTHING
    error: ColonnadeError | None = None


Planned = tuple[Sequence, Span]


def run(grants: Row[tuple[Sequence, int]]) -> list[Outcome]:
    """Plans, runs and absorbs one forward for sequences of one model."""
    outcomes: list[Outcome] = []
    planned: list[Planned] = []
    if grants and (speculation := grants[0][0].runtime.speculation):
        speculation.prepare(grants)
    for sequence, grant in grants:
        try:
            planned.append((sequence, _plan(sequence, grant)))
        except Exception as error:
            outcomes.append(Outcome(sequence, error=fault(sequence, error, "plan")))
    with torch.inference_mode():
        for kind in ("logits", "hidden"):
            for sequence, span, result in _forward([each for each in planned if each[1].output == kind]):
                outcomes.append(_outcome(sequence, span, result))
    return outcomes


def _outcome(sequence: Sequence, span: Span, result: Outputs | Exception) -> Outcome:
    if isinstance(result, Exception):
        return Outcome(sequence, error=fault(sequence, result, "forward"))
    try:
        return Outcome(sequence, _absorb(sequence, span, result))
    except Exception as error:
        return Outcome(sequence, error=fault(sequence, error, "absorb"))


def _plan(sequence: Sequence, grant: int) -> Span:
    span = sequence.decoder.plan(sequence, grant)
    if sequence.work.adapter is not None:
        span = replace(span, adapter=sequence.work.adapter)
    count = len(span.tokens)
    sound = (
        span.sequence == sequence.handle
        and span.start == sequence.committed
        and 1 <= count <= grant
        and 0 <= span.commit <= count
        and span.start + count <= sequence.reserved_positions
        and all(0 <= offset < count for offset in span.want)
        and min(span.tokens) >= 0
        and max(span.tokens) < sequence.runtime.model.vocab_size
    )
    if not sound:
        raise Internal("the decoder planned a span that the engine cannot run")
    return span


def _forward(planned: Row[Planned]) -> Iterator[tuple[Sequence, Span, Outputs | Exception]]:
    """Runs all spans together, or one by one if that fails. Each span comes with its rows, or its error."""
    if not planned:
        return
    runtime = planned[0][0].runtime
    try:
        results: list[Outputs | Exception] = list(_together(runtime, [span for _, span in planned]))
    except Exception as error:
        if len(planned) > 1:
            _LOG.warning("forward repeated", model=runtime.ref.name, spans=len(planned), exc_info=True)
            for each in planned:
                yield from _forward([each])
            return
        results = [error]
    for (sequence, span), result in zip(planned, results, strict=True):
        yield sequence, span, result


def _together(runtime: Runtime, spans: Row[Span]) -> Iterator[Outputs]:
    batch = Batch.of(spans, runtime.model.device)
    state = runtime.store.view(batch)
    began = time.perf_counter()
    outputs = runtime.model.forward(batch, state)
    if runtime.speculation:
        runtime.speculation.forwarded(len(batch.tokens_N), time.perf_counter() - began)
    if len(outputs.logits_WV) != len(batch.want_W):
        raise Internal("the model answered another number of rows than was wanted")
    state.commit()
    first = 0
    for span in spans:
        rows = slice(first, first + len(span.want))
        first = rows.stop
        yield Outputs(
            outputs.logits_WV[rows],
            None if outputs.depth_W is None else outputs.depth_W[rows],
            None if outputs.hidden_WD is None else outputs.hidden_WD[rows],
        )


def _absorb(sequence: Sequence, span: Span, outputs: Outputs) -> Step:
    store = sequence.runtime.store
    sequence.stand_at(span.start + span.commit)
    step = sequence.decoder.absorb(sequence, span, outputs, sequence.sampler)
    if step.rewind_to is not None:
        sequence.stand_at(store.rewind(sequence.handle, step.rewind_to))
    store.publish(sequence.handle)
    moved = bool(step.emit) or (span.commit > 0 and step.rewind_to is None)
    sequence.idle_steps = 0 if moved else sequence.idle_steps + 1
    if sequence.idle_steps > STALLED:
        raise Internal(f"the request made no progress in {STALLED} steps")
    return step


def fault(sequence: Sequence, error: Exception, where: str) -> ColonnadeError:
    """What the caller hears of a fault; what is not ours to tell goes to the log alone."""
    request, model = sequence.work.request_id, sequence.runtime.ref.name
    _LOG.error("request failed", where=where, request_id=request, model=model, exc_info=error)
    return error if isinstance(error, ColonnadeError) else Internal("the model failed on this request")
