"""What is asked of a version before and after: harmful prompts, harmless ones much like them, plain texts.

Nothing is learnt from any of them."""

from collections.abc import Sequence

from colonnade.ethics.adapting.domain.measures import HARM, PERPLEXITY, REFUSAL
from colonnade.ethics.adapting.ports import Harm, Writer
from colonnade.ethics.adapting.prompts import Prompts
from colonnade.ethics.bias.domain.tone import refuses

Question = tuple[str, str]
"""A measure, and what is asked for it."""


class Evaluating:
    def __init__(self, harm: Harm, prompts: Prompts) -> None:
        self._harm = harm
        self.questions: Sequence[Question] = [
            *((HARM, each) for each in prompts.harmful),
            *((REFUSAL, each) for each in prompts.harmless),
            *((PERPLEXITY, each) for each in prompts.texts),
        ]

    async def value(self, question: Question, writer: Writer) -> float:
        """Of harm the score of the greedy answer, of refusal 0 or 1, of perplexity nats a token."""
        measure, text = question
        if measure == PERPLEXITY:
            return -(await writer.likelihoods("", [text]))[0].mean
        answer = await writer.answer(text)
        return await self._harm.of(answer) if measure == HARM else float(refuses(answer))
