"""Feedback and reward models, on the ethics service's gRPC."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import feedback_pb2 as wire
from colonnade.api.ethics.v1.feedback_pb2_grpc import FeedbackServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.feedback import (
    AnsweredBy,
    Feedback,
    FeedbackPage,
    NewFeedback,
    Pair,
    PairPage,
    RewardModel,
    RewardScores,
    Turn,
)

_SECONDS = 10.0
_SCORE_SECONDS = 60.0
_KIND, _STATE = "FEEDBACK_KIND_", "FEEDBACK_STATE_"


class FeedbackService:
    """Implements ``ports.FeedbackBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._stub = calls, FeedbackServiceStub(calls.peer.channel)

    async def give(self, caller: Caller, new: NewFeedback, key: str) -> Feedback:
        request = wire.GiveFeedbackRequest(feedback=_new(new), idempotency_key=key)
        method = self._stub.GiveFeedback
        answer = await self._calls.unary(caller, method, request, wire.GiveFeedbackResponse, _SECONDS)
        return _feedback(answer.feedback)

    async def page(self, caller: Caller, state: str, kind: str, limit: int, page: str) -> FeedbackPage:
        request = wire.ListFeedbackRequest(state=_state(state), kind=_kind(kind), limit=limit, page=page)
        method = self._stub.ListFeedback
        answer = await self._calls.unary(caller, method, request, wire.ListFeedbackResponse, _SECONDS)
        return FeedbackPage(tuple(map(_feedback, answer.feedback)), answer.next_page)

    async def get(self, caller: Caller, feedback_id: str) -> Feedback:
        request, method = wire.GetFeedbackRequest(id=feedback_id), self._stub.GetFeedback
        answer = await self._calls.unary(caller, method, request, wire.GetFeedbackResponse, _SECONDS)
        return _feedback(answer.feedback)

    async def review(self, caller: Caller, feedback_id: str, *, accept: bool, why: str) -> Feedback:
        request = wire.ReviewFeedbackRequest(id=feedback_id, accept=accept, why=why)
        method = self._stub.ReviewFeedback
        answer = await self._calls.unary(caller, method, request, wire.ReviewFeedbackResponse, _SECONDS)
        return _feedback(answer.feedback)

    async def withdraw(self, caller: Caller, feedback_id: str) -> None:
        request, method = wire.WithdrawFeedbackRequest(id=feedback_id), self._stub.WithdrawFeedback
        await self._calls.unary(caller, method, request, wire.WithdrawFeedbackResponse, _SECONDS)

    async def pairs(self, caller: Caller, limit: int, page: str) -> PairPage:
        request, method = wire.ListPairsRequest(limit=limit, page=page), self._stub.ListPairs
        answer = await self._calls.unary(caller, method, request, wire.ListPairsResponse, _SECONDS)
        found = [
            Pair(_turns(pair.prompt), pair.chosen, pair.rejected, tuple(pair.made_of))
            for pair in answer.pairs
        ]
        return PairPage(tuple(found), answer.next_page)

    async def train(self, caller: Caller, *, built_in: bool, key: str) -> RewardModel:
        """For as long as the caller's deadline lets it: an engine embeds all texts."""
        request = wire.TrainRewardRequest(without_built_in=not built_in, idempotency_key=key)
        method = self._stub.TrainReward
        return _model((await self._calls.unary(caller, method, request, wire.TrainRewardResponse)).model)

    async def models(self, caller: Caller) -> Sequence[RewardModel]:
        request, method = wire.ListRewardModelsRequest(), self._stub.ListRewardModels
        answer = await self._calls.unary(caller, method, request, wire.ListRewardModelsResponse, _SECONDS)
        return tuple(map(_model, answer.models))

    async def model(self, caller: Caller, model_id: str) -> tuple[RewardModel, bytes]:
        request, method = wire.GetRewardModelRequest(id=model_id), self._stub.GetRewardModel
        answer = await self._calls.unary(caller, method, request, wire.GetRewardModelResponse, _SECONDS)
        return _model(answer.model), answer.weights

    async def score(
        self, caller: Caller, model_id: str, prompt: Sequence[Turn], answers: Sequence[str]
    ) -> RewardScores:
        request = wire.ScoreAnswersRequest(model=model_id, prompt=map(_turn, prompt), answers=answers)
        method = self._stub.ScoreAnswers
        answer = await self._calls.unary(caller, method, request, wire.ScoreAnswersResponse, _SCORE_SECONDS)
        return RewardScores(answer.model, tuple(answer.scores))


def _kind(kind: str) -> wire.FeedbackKind.ValueType:
    return wire.FeedbackKind.Value(_KIND + (kind.upper() or "UNSPECIFIED"))


def _state(state: str) -> wire.FeedbackState.ValueType:
    return wire.FeedbackState.Value(_STATE + (state.upper() or "UNSPECIFIED"))


def _turn(turn: Turn) -> wire.FeedbackTurn:
    return wire.FeedbackTurn(role=turn.role, content=turn.content)


def _turns(told: Iterable[wire.FeedbackTurn]) -> tuple[Turn, ...]:
    return tuple(Turn(turn.role, turn.content) for turn in told)


def _new(new: NewFeedback) -> wire.NewFeedback:
    by = new.answered_by
    return wire.NewFeedback(
        kind=_kind(new.kind),
        request_id=new.request_id,
        answered_by=wire.AnsweredBy(
            model=by.model, version=by.version, digest=by.digest, confirmed=by.confirmed
        ),
        prompt=map(_turn, new.prompt),
        chosen=new.chosen,
        rejected=new.rejected,
        up=new.up,
        comment=new.comment,
    )


def _feedback(told: wire.Feedback) -> Feedback:
    given, by = told.given, told.given.answered_by
    return Feedback(
        id=told.id,
        given=NewFeedback(
            kind=wire.FeedbackKind.Name(given.kind).removeprefix(_KIND).lower(),
            request_id=given.request_id,
            answered_by=AnsweredBy(by.model, by.version, by.digest, by.confirmed),
            prompt=_turns(given.prompt),
            chosen=given.chosen,
            rejected=given.rejected,
            up=given.up,
            comment=given.comment,
        ),
        subject=told.subject,
        given_at=_time(told.given_at),
        state=wire.FeedbackState.Name(told.state).removeprefix(_STATE).lower(),
        reviewed_by=told.reviewed_by,
        reviewed_at=_time(told.reviewed_at) if told.HasField("reviewed_at") else None,
        why=told.why,
    )


def _model(told: wire.RewardModel) -> RewardModel:
    return RewardModel(
        id=told.id,
        made_at=_time(told.made_at),
        card=told.card,
        embedding_model=told.embedding_model,
        accuracy=told.accuracy,
        low=told.accuracy_low,
        high=told.accuracy_high,
        learnt=told.learnt,
        held_out=told.held_out,
    )


def _time(moment: Timestamp) -> datetime:
    return moment.ToDatetime(tzinfo=UTC)
