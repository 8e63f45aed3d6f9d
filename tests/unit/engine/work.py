"""Requests for tests that step a core by hand."""

from collections.abc import Sequence as Row
from typing import Any

from colonnade.engine.core import Core
from colonnade.engine.runtime import Runtime
from colonnade.engine.sampling import Sampling
from colonnade.engine.sequence import Sequence, Update, Work
from colonnade.models.protocol import Decoder


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def sequence(
    runtime: Runtime,
    prompt: str = "hello",
    max_tokens: int = 5,
    *,
    arrived: float = 0.0,
    decoder: Decoder | None = None,
    **more: Any,
) -> Sequence:
    tokens = runtime.tokenizer.encode(prompt)
    sampling = more.pop("sampling", Sampling())
    work = Work(more.pop("request_id", prompt), "tenant", tokens, max_tokens, sampling, **more)
    return Sequence(work, runtime, arrived, decoder=decoder)


def finish_all(core: Core, most: int = 500) -> list[Update]:
    """Steps until nothing is left; every update on the way."""
    updates: list[Update] = []
    for _ in range(most):
        if not core.scheduler.running and not core.scheduler.waiting:
            return updates
        updates += core.step()
    raise AssertionError("the core does not come to an end")


def last_of(updates: Row[Update], sequence: Sequence) -> Update:
    return [update for update in updates if update.sequence is sequence][-1]


def ids_of(updates: Row[Update], sequence: Sequence) -> list[int]:
    return [piece.token.id for each in updates if each.sequence is sequence for piece in each.pieces]
