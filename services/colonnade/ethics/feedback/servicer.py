"""The gRPC methods of feedback: message to domain, one use case, domain to message."""

from dataclasses import dataclass
from typing import Any

import grpc

from colonnade.api.ethics.v1 import feedback_pb2 as messages
from colonnade.api.ethics.v1.feedback_pb2_grpc import FeedbackServiceServicer
from colonnade.ethics.feedback import wire
from colonnade.ethics.feedback.collecting import FeedbackCollector
from colonnade.ethics.feedback.pairs import Pairs
from colonnade.ethics.feedback.reward.making import RewardModels
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["FeedbackService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class UseCases:
    collector: FeedbackCollector
    pairs: Pairs
    rewards: RewardModels


class FeedbackServicer(FeedbackServiceServicer):
    def __init__(self, cases: UseCases) -> None:
        self._collector, self._pairs, self._rewards = cases.collector, cases.pairs, cases.rewards

    async def GiveFeedback(
        self, request: messages.GiveFeedbackRequest, context: _Context
    ) -> messages.GiveFeedbackResponse:
        given, who = wire.given(request.feedback), current().principal
        kept = await self._collector.give(given, who, request.idempotency_key)
        return messages.GiveFeedbackResponse(feedback=wire.feedback(kept))

    async def ListFeedback(
        self, request: messages.ListFeedbackRequest, context: _Context
    ) -> messages.ListFeedbackResponse:
        found, page = await self._collector.page(
            current().principal,
            state=wire.state_of(request.state), kind=wire.kind_of(request.kind),
            limit=request.limit, page=request.page,
        )  # fmt: skip
        return messages.ListFeedbackResponse(feedback=map(wire.feedback, found), next_page=page)

    async def GetFeedback(
        self, request: messages.GetFeedbackRequest, context: _Context
    ) -> messages.GetFeedbackResponse:
        found = await self._collector.get(request.id, current().principal)
        return messages.GetFeedbackResponse(feedback=wire.feedback(found))

    async def ReviewFeedback(
        self, request: messages.ReviewFeedbackRequest, context: _Context
    ) -> messages.ReviewFeedbackResponse:
        reviewed = await self._collector.review(
            request.id, current().principal, accept=request.accept, why=request.why
        )
        return messages.ReviewFeedbackResponse(feedback=wire.feedback(reviewed))

    async def WithdrawFeedback(
        self, request: messages.WithdrawFeedbackRequest, context: _Context
    ) -> messages.WithdrawFeedbackResponse:
        await self._collector.withdraw(request.id, current().principal)
        return messages.WithdrawFeedbackResponse()

    async def ListPairs(
        self, request: messages.ListPairsRequest, context: _Context
    ) -> messages.ListPairsResponse:
        tenant = current().principal.tenant
        found, page = await self._pairs.page(tenant, limit=request.limit, page=request.page)
        return messages.ListPairsResponse(pairs=map(wire.pair, found), next_page=page)

    async def TrainReward(
        self, request: messages.TrainRewardRequest, context: _Context
    ) -> messages.TrainRewardResponse:
        made = await self._rewards.train(
            current().principal, built_in=not request.without_built_in, key=request.idempotency_key
        )
        return messages.TrainRewardResponse(model=wire.model(made))

    async def ListRewardModels(
        self, request: messages.ListRewardModelsRequest, context: _Context
    ) -> messages.ListRewardModelsResponse:
        found = await self._rewards.page(current().principal)
        return messages.ListRewardModelsResponse(models=map(wire.model, found))

    async def GetRewardModel(
        self, request: messages.GetRewardModelRequest, context: _Context
    ) -> messages.GetRewardModelResponse:
        found = await self._rewards.find(request.id, current().principal)
        return messages.GetRewardModelResponse(model=wire.model(found), weights=found.weights)

    async def ScoreAnswers(
        self, request: messages.ScoreAnswersRequest, context: _Context
    ) -> messages.ScoreAnswersResponse:
        scores, model = await self._rewards.scores(
            request.model, wire.prompt(request.prompt), request.answers, current().principal
        )
        return messages.ScoreAnswersResponse(scores=scores, model=model)
