"""Feedback: collected, reviewed, made into pairs and reward models."""

from collections.abc import Sequence

from colonnade.api.ethics.v1.feedback_pb2_grpc import add_FeedbackServiceServicer_to_server
from colonnade.ethics.decisions.domain import Held
from colonnade.ethics.feedback.collecting import FeedbackCollector
from colonnade.ethics.feedback.pairs import Pairs
from colonnade.ethics.feedback.reward.engine_vectors import EngineVectors
from colonnade.ethics.feedback.reward.making import RewardModels
from colonnade.ethics.feedback.reward.sql_models import SqlRewardModels
from colonnade.ethics.feedback.servicer import FULL_NAME, FeedbackServicer, UseCases
from colonnade.ethics.feedback.sql_feedback import SqlFeedback
from colonnade.ethics.wiring.ground import Ground, Room


async def feedback_room(ground: Ground) -> Room:
    store = SqlFeedback(ground.database)
    collector, pairs = FeedbackCollector(store, ground.trail), Pairs(store)
    embedder = EngineVectors(ground.inference, ground.registry)
    rewards = RewardModels(SqlRewardModels(ground.database), pairs, embedder, ground.trail)
    servicer = FeedbackServicer(UseCases(collector, pairs, rewards))
    ground.server.add(add_FeedbackServiceServicer_to_server, servicer, FULL_NAME)

    async def held(after: tuple[str, str], limit: int) -> Sequence[Held]:
        return [Held(*each) for each in await store.held(after, limit)]

    return Room(erase=collector.erase, held=held)
