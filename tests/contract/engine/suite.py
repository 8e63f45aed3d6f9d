"""What holds of every engine, whatever stands behind it: to be called with engines of any kind."""

from collections.abc import Callable, Sequence

from tests.contract.engine.cases import Answer, Ask, EngineUnderTest


def check_as_if_alone(
    engine: EngineUnderTest, asks: Sequence[Ask], alone: Callable[[Ask], Answer]
) -> list[Answer]:
    """No answer depends on what else runs, when it came, how prompts were cut, or who left.

    Afterwards the engine holds nothing."""
    answers = engine.answers(asks)
    for ask, answer in zip(asks, answers, strict=True):
        check_one(ask, answer, alone(ask))
    held = engine.held()
    assert not any(held.values()), held
    return answers


def check_one(ask: Ask, answer: Answer, expected: Answer) -> None:
    assert answer.tokens == expected.tokens[: len(answer.tokens)], ask
    if answer.reason == "cancelled":
        assert ask.leaves_after is not None, "nobody cancelled it"
        assert answer.count <= expected.count
        return
    assert (answer.text, answer.reason, answer.count) == (expected.text, expected.reason, expected.count), ask
    if not ask.stop:
        assert answer.tokens == expected.tokens, ask
