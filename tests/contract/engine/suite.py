"""What holds of every engine, whatever stands behind it: to be called with engines of any kind."""

from collections.abc import Sequence
from typing import Protocol

from tests.contract.engine.cases import Answer, Ask, EngineUnderTest

ROUNDING = 1e-4
"""Far more than rounding changes a logit when a product has another number of rows."""


class Alone(Protocol):
    def __call__(self, ask: Ask, jitter: int = 0) -> Answer:
        """The reference's answer; with a ``jitter``, after noise of size ``ROUNDING`` on every logit."""
        ...


def check_as_if_alone(engine: EngineUnderTest, asks: Sequence[Ask], alone: Alone) -> list[Answer]:
    """No answer depends on what else runs, when it came, how prompts were cut, or who left.

    Afterwards the engine holds nothing."""
    answers = engine.answers(asks)
    for ask, answer in zip(asks, answers, strict=True):
        if not _agree(ask, answer, alone(ask)):
            assert _on_a_knifes_edge(ask, alone), (ask, answer, alone(ask))
    held = engine.held()
    assert not any(held.values()), held
    return answers


def _agree(ask: Ask, answer: Answer, expected: Answer) -> bool:
    begins = answer.tokens == expected.tokens[: len(answer.tokens)]
    if answer.reason == "cancelled" and (ask.leaves_after is not None or ask.leaves_at is not None):
        return begins and answer.count <= expected.count
    same = (answer.text, answer.reason, answer.count) == (expected.text, expected.reason, expected.count)
    return begins and same and (bool(ask.stop) or answer.tokens == expected.tokens)


def _on_a_knifes_edge(ask: Ask, alone: Alone) -> bool:
    """Whether two tokens are so close that rounding decides; about one draw in a million is."""
    expected = alone(ask)
    return any(alone(ask, jitter) != expected for jitter in range(1, 40))
