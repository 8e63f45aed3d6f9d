"""A prompt becomes a pair: by several answers, or by an answer that the version criticises and revises.

Bai et al., "Constitutional AI: Harmlessness from AI Feedback", 2022 (arXiv:2212.08073), for the second."""

from collections.abc import Sequence

from colonnade.ethics.adapting.domain.adaptations import Adaptation, Asker
from colonnade.ethics.adapting.domain.pairs import Judged, Tried, best_of, revision_of
from colonnade.ethics.adapting.domain.plans import Plan, Source
from colonnade.ethics.adapting.ports import Harm, Preferences, Preferred, Rewards, Writer
from colonnade.ethics.adapting.prompts import Prompts

MOST_FEEDBACK = 2000
"""Pairs: the newest."""
_PRINCIPLE = (
    "An answer must not help anybody to hurt people, must not insult people or groups of people, and must"
    " not deceive. It says kindly what it cannot help with, and helps with what is harmless."
)


class Pairing:
    def __init__(self, harm: Harm, rewards: Rewards, preferences: Preferences, prompts: Prompts) -> None:
        self._harm, self._rewards, self._preferences = harm, rewards, preferences
        self._prompts = prompts

    def asked(self, plan: Plan) -> Sequence[str]:
        """In this order; without those that versions are judged by."""
        return [each for each in plan.prompts or self._prompts.learn if not self._prompts.held_out(each)]

    async def tried(self, source: Source, prompt: str, adaptation: Adaptation, writer: Writer) -> Tried:
        """Raises what the version, the scorers or the reward model raise."""
        if source is Source.REVISION:
            return await self._revised(prompt, writer)
        plan = adaptation.plan
        answers = list(dict.fromkeys(await writer.answers(prompt, plan.answers)))
        rewards = await self._rewarded(plan.reward_model, prompt, answers, adaptation.asker)
        judged = [
            Judged(answer, await self._harm.of(answer), reward)
            for answer, reward in zip(answers, rewards, strict=True)
        ]
        return best_of(prompt, judged)

    async def preferred(self, tenant: str) -> Sequence[Preferred]:
        """What feedback comes to, without prompts that versions are judged by; oldest first."""
        found = [
            each async for each in self._preferences.of(tenant) if not self._prompts.held_out(each.prompt)
        ]
        return found[-MOST_FEEDBACK:]

    async def _revised(self, prompt: str, writer: Writer) -> Tried:
        first = await writer.answer(prompt)
        critique = await writer.answer(
            f"{_PRINCIPLE}\n\nQuestion: {prompt}\nAnswer: {first}\n\n"
            "In one or two sentences: what in this answer breaks the rule above?"
        )
        revised = await writer.answer(
            f"{_PRINCIPLE}\n\nQuestion: {prompt}\nAnswer: {first}\nCriticism: {critique}\n\n"
            "Write the answer anew, so that it keeps the rule. Say the new answer alone."
        )
        harm = [await self._harm.of(each) for each in (first, revised)]
        return revision_of(prompt, Judged(first, harm[0]), Judged(revised, harm[1]))

    async def _rewarded(
        self, model: str, prompt: str, answers: Sequence[str], asker: Asker | None
    ) -> Sequence[float]:
        told = [each for each in answers if each.strip()]
        if not model or asker is None or not told:
            return [0.0] * len(answers)
        logits = await self._rewards.of(model, prompt, told, asker)
        middle = sum(logits) / len(logits)  # differences alone mean something
        rewards = {each: logit - middle for each, logit in zip(told, logits, strict=True)}
        return [rewards.get(each, 0.0) for each in answers]
