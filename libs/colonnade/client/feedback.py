"""Both clients' ``feedback``."""

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from colonnade.client import feedback_calls as calls
from colonnade.client.feedback_calls import NewFeedback
from colonnade.client.memory import _all, _all_async
from colonnade.client.results.feedback import Feedback, Pair, RewardModel, RewardScores

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncFeedback:
    """What people say of answers; and reward models, which are made of what was accepted."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def give(
        self, kind: str, *, idempotency_key: str | None = None, **options: Unpack[NewFeedback]
    ) -> Feedback:
        """A ``thumb`` with ``value``, a ``correction`` of an ``answer``, or a ``preference``: ``chosen`` and
        ``rejected``. With a key that was used before: what was given with it."""
        return self._client._call(calls.give(kind, options, idempotency_key))

    def list(
        self, *, state: str | None = None, kind: str | None = None, limit: int | None = None
    ) -> list[Feedback]:
        """Newest first: all of the tenant's for those who review it, else one's own."""
        return _all(self._client, calls.listing(state, kind, limit))

    def get(self, feedback_id: str) -> Feedback:
        return self._client._call(calls.get(feedback_id))

    def accept(self, feedback_id: str, *, why: str | None = None) -> Feedback:
        """Models may learn from it."""
        return self._client._call(calls.review(feedback_id, "accept", why))

    def reject(self, feedback_id: str, *, why: str | None = None) -> Feedback:
        return self._client._call(calls.review(feedback_id, "reject", why))

    def withdraw(self, feedback_id: str) -> None:
        """Erases what one gave, and the reward models that learnt from it."""
        self._client._call(calls.withdraw(feedback_id))

    def pairs(self) -> builtins.list[Pair]:
        """What was accepted, as pairs of answers to learn from, oldest first."""
        return _all(self._client, calls.pairs())

    def train(self, *, built_in: bool = True, idempotency_key: str | None = None) -> RewardModel:
        """Makes a reward model of what was accepted, and of the pairs that come with the platform."""
        return self._client._call(calls.train(built_in, idempotency_key))

    def models(self) -> builtins.list[RewardModel]:
        """Newest first."""
        return self._client._call(calls.models())

    def score(
        self,
        prompt: str | None = None,
        answers: Sequence[str] = (),
        *,
        messages: Sequence[Mapping[str, str]] | None = None,
        model: str | None = None,
    ) -> RewardScores:
        """How good a reward model, by default the newest, finds answers."""
        return self._client._call(calls.score(prompt, messages, answers, model))

    def weights(self, model_id: str) -> bytes:
        """Of a reward model, as safetensors."""
        return self._client._call(calls.weights(model_id))


class AsyncFeedback:
    """What people say of answers; and reward models, which are made of what was accepted."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def give(
        self, kind: str, *, idempotency_key: str | None = None, **options: Unpack[NewFeedback]
    ) -> Feedback:
        """A ``thumb`` with ``value``, a ``correction`` of an ``answer``, or a ``preference``: ``chosen`` and
        ``rejected``. With a key that was used before: what was given with it."""
        return await self._client._call(calls.give(kind, options, idempotency_key))

    async def list(
        self, *, state: str | None = None, kind: str | None = None, limit: int | None = None
    ) -> list[Feedback]:
        """Newest first: all of the tenant's for those who review it, else one's own."""
        return await _all_async(self._client, calls.listing(state, kind, limit))

    async def get(self, feedback_id: str) -> Feedback:
        return await self._client._call(calls.get(feedback_id))

    async def accept(self, feedback_id: str, *, why: str | None = None) -> Feedback:
        """Models may learn from it."""
        return await self._client._call(calls.review(feedback_id, "accept", why))

    async def reject(self, feedback_id: str, *, why: str | None = None) -> Feedback:
        return await self._client._call(calls.review(feedback_id, "reject", why))

    async def withdraw(self, feedback_id: str) -> None:
        """Erases what one gave, and the reward models that learnt from it."""
        await self._client._call(calls.withdraw(feedback_id))

    async def pairs(self) -> builtins.list[Pair]:
        """What was accepted, as pairs of answers to learn from, oldest first."""
        return await _all_async(self._client, calls.pairs())

    async def train(self, *, built_in: bool = True, idempotency_key: str | None = None) -> RewardModel:
        """Makes a reward model of what was accepted, and of the pairs that come with the platform."""
        return await self._client._call(calls.train(built_in, idempotency_key))

    async def models(self) -> builtins.list[RewardModel]:
        """Newest first."""
        return await self._client._call(calls.models())

    async def score(
        self,
        prompt: str | None = None,
        answers: Sequence[str] = (),
        *,
        messages: Sequence[Mapping[str, str]] | None = None,
        model: str | None = None,
    ) -> RewardScores:
        """How good a reward model, by default the newest, finds answers."""
        return await self._client._call(calls.score(prompt, messages, answers, model))

    async def weights(self, model_id: str) -> bytes:
        """Of a reward model, as safetensors."""
        return await self._client._call(calls.weights(model_id))
