"""People's feedback, and the reward models that learnt from it, as adaptations ask for them."""

from collections.abc import AsyncIterator, Sequence

from colonnade.errors import NotFound
from colonnade.ethics.adapting.adapters.acting import principal_of
from colonnade.ethics.adapting.domain.adaptations import Asker
from colonnade.ethics.adapting.ports import Preferred
from colonnade.ethics.feedback.feedback import Turn
from colonnade.ethics.feedback.pairs import Pairs
from colonnade.ethics.feedback.ports import FeedbackStore
from colonnade.ethics.feedback.reward.making import RewardModels


class GivenPreferences:
    """Implements ``ports.Preferences``."""

    def __init__(self, pairs: Pairs, store: FeedbackStore) -> None:
        self._pairs, self._store = pairs, store

    async def of(self, tenant: str) -> AsyncIterator[Preferred]:
        async for pair in self._pairs.all(tenant):
            yield Preferred(pair.prompt[-1].content, pair.line(), pair.made_of)

    async def givers(self, tenant: str, feedback: Sequence[str]) -> Sequence[str]:
        found = set()
        for each in feedback:
            try:
                found.add((await self._store.find(tenant, each)).subject)
            except NotFound:
                continue
        return sorted(found)


class LearntRewards:
    """Implements ``ports.Rewards``."""

    def __init__(self, models: RewardModels) -> None:
        self._models = models

    async def check(self, model: str, asker: Asker) -> None:
        await self._models.find(model, principal_of(asker))

    async def of(self, model: str, prompt: str, answers: Sequence[str], asker: Asker) -> Sequence[float]:
        asked = (Turn("user", prompt),)
        scores, _ = await self._models.scores(model, asked, answers, principal_of(asker))
        return scores
