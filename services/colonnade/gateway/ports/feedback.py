"""Feedback, of the ethics service."""

from collections.abc import Sequence
from typing import Protocol

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.feedback import (
    Feedback,
    FeedbackPage,
    NewFeedback,
    PairPage,
    RewardModel,
    RewardScores,
    Turn,
)


class FeedbackBook(Protocol):
    """Raises what the ethics service refuses with; ``Unavailable`` where it is away."""

    async def give(self, caller: Caller, new: NewFeedback, key: str) -> Feedback: ...

    async def page(self, caller: Caller, state: str, kind: str, limit: int, page: str) -> FeedbackPage:
        """Newest first; an empty ``state`` or ``kind`` is any."""
        ...

    async def get(self, caller: Caller, feedback_id: str) -> Feedback: ...

    async def review(self, caller: Caller, feedback_id: str, *, accept: bool, why: str) -> Feedback: ...

    async def withdraw(self, caller: Caller, feedback_id: str) -> None: ...

    async def pairs(self, caller: Caller, limit: int, page: str) -> PairPage:
        """Oldest first."""
        ...

    async def train(self, caller: Caller, *, built_in: bool, key: str) -> RewardModel: ...

    async def models(self, caller: Caller) -> Sequence[RewardModel]:
        """Newest first."""
        ...

    async def model(self, caller: Caller, model_id: str) -> tuple[RewardModel, bytes]:
        """With its weights, as safetensors; an empty id is the newest."""
        ...

    async def score(
        self, caller: Caller, model_id: str, prompt: Sequence[Turn], answers: Sequence[str]
    ) -> RewardScores: ...
