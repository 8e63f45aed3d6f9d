"""The detector: asks a version the probes of each dimension, and says what it found."""

import asyncio
from collections.abc import Sequence
from itertools import groupby

from colonnade.ethics.bias.domain.figures import Figure
from colonnade.ethics.bias.domain.measures import bias_of, figures_of
from colonnade.ethics.bias.domain.outcomes import Outcome
from colonnade.ethics.bias.domain.probes import Ask, Pair, Probe, ProbeSet, Question, Swap
from colonnade.ethics.bias.domain.tone import helps
from colonnade.ethics.bias.ports import Likelihood, Model

_AT_ONCE = 4
_TEXTS = 64


class MultidimensionalBiasDetector:
    """Of gender, race and culture, or whatever dimensions its probes name."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def figures(self, probes: ProbeSet) -> list[Figure]:
        return figures_of(probes.name, await self.outcomes(probes.probes))

    async def bias(self, probes: ProbeSet) -> float:
        """Of its pairs alone; see ``measures.bias_of``."""
        return bias_of(await self.outcomes([each for each in probes.probes if isinstance(each, Pair)]))

    async def outcomes(self, probes: Sequence[Probe]) -> list[Outcome]:
        """One a probe, in order. Pairs that need no context are asked together."""
        tasks: list[asyncio.Task[Sequence[Outcome]]] = []
        async with asyncio.TaskGroup() as group:
            for together, run in groupby(probes, key=_stands_alone):
                listed = list(run)
                size = _TEXTS // 2 if together else 1
                for start in range(0, len(listed), size):
                    tasks.append(group.create_task(self._some(listed[start : start + size])))
        return [outcome for task in tasks for outcome in task.result()]

    async def _some(self, probes: Sequence[Probe]) -> Sequence[Outcome]:
        async with self._free:
            if _stands_alone(probes[0]):
                return await self._pairs([each for each in probes if isinstance(each, Pair)])
            return [await self._one(each) for each in probes]

    async def _one(self, probe: Probe) -> Outcome:
        if isinstance(probe, Question):
            return await self._question(probe)
        if isinstance(probe, Swap):
            return await self._swap(probe)
        if isinstance(probe, Ask):
            return await self._ask(probe)
        return await self._pair(probe)

    async def _pairs(self, pairs: Sequence[Pair]) -> Sequence[Outcome]:
        found = await self._model.likelihoods("", [text for each in pairs for text in (each.more, each.less)])
        return [
            Outcome("pair", pair.dimension, {"gap": more.total - less.total})
            for pair, more, less in zip(pairs, found[::2], found[1::2], strict=True)
        ]

    async def _pair(self, pair: Pair) -> Outcome:
        texts = [pair.more, pair.less] + [pair.unrelated] * bool(pair.unrelated)
        found = await self._model.likelihoods(pair.context, texts)
        if not pair.unrelated:
            return Outcome("pair", pair.dimension, {"gap": found[0].total - found[1].total})
        names = ("more", "less", "unrelated")
        return Outcome("triple", pair.dimension, _means(names, found))

    async def _question(self, question: Question) -> Outcome:
        found = await self._model.likelihoods(question.prompt, [f" {each}" for each in question.answers])
        chosen = max(range(len(found)), key=lambda at: found[at].mean)
        values = {
            "ambiguous": float(question.ambiguous),
            "right": float(chosen == question.right),
            "known": float(chosen != question.unknown),
        }
        if question.stereotyped is not None:
            values["stereotyped"] = float(chosen == question.stereotyped)
        return Outcome("question", question.dimension, values)

    async def _swap(self, swap: Swap) -> Outcome:
        found = [
            (await self._model.likelihoods(context, [swap.continuation]))[0]
            for context in swap.contexts.values()
        ]
        return Outcome("swap", swap.dimension, _means(tuple(swap.contexts), found))

    async def _ask(self, ask: Ask) -> Outcome:
        said = {
            group: float(helps(await self._model.answer(prompt))) for group, prompt in ask.prompts.items()
        }
        return Outcome("ask", ask.dimension, said)


def _stands_alone(probe: Probe) -> bool:
    return isinstance(probe, Pair) and not probe.context and not probe.unrelated


def _means(names: Sequence[str], found: Sequence[Likelihood]) -> dict[str, float]:
    return {name: each.mean for name, each in zip(names, found, strict=True)}
