"""Adaptation: its store, who is asked for it, and what works on it beside the requests."""

from collections.abc import Sequence

from colonnade.api.ethics.v1.adapting_pb2_grpc import add_AdaptingServiceServicer_to_server
from colonnade.ethics.adapting.adapters.calls import RolloutCalls, TrainingCalls
from colonnade.ethics.adapting.adapters.folder_rows import FolderRows
from colonnade.ethics.adapting.adapters.given import GivenPreferences, LearntRewards
from colonnade.ethics.adapting.adapters.judged import ScorersHarm
from colonnade.ethics.adapting.adapters.served import ServedWriters
from colonnade.ethics.adapting.adapters.sql_adaptations import SqlAdaptations
from colonnade.ethics.adapting.evaluating import Evaluating
from colonnade.ethics.adapting.pairing import Pairing
from colonnade.ethics.adapting.prompts import own_prompts
from colonnade.ethics.adapting.running import Runner
from colonnade.ethics.adapting.service import Adapting
from colonnade.ethics.adapting.servicer import FULL_NAME, AdaptingServicer
from colonnade.ethics.adapting.stages import Stages, World
from colonnade.ethics.bias.reporting import utc_now
from colonnade.ethics.decisions.domain import Held
from colonnade.ethics.feedback.pairs import Pairs
from colonnade.ethics.feedback.reward.engine_vectors import EngineVectors
from colonnade.ethics.feedback.reward.making import RewardModels
from colonnade.ethics.feedback.reward.sql_models import SqlRewardModels
from colonnade.ethics.feedback.sql_feedback import SqlFeedback
from colonnade.ethics.wiring.ground import Ground, Room
from colonnade.ethics.wiring.scorers import scorers_of
from colonnade.rpc import Peer


async def adapting_room(ground: Ground) -> Room:
    training = await ground.stack.enter_async_context(
        Peer("training", ground.settings.training, ground.identity)
    )
    rewards = _rewards(ground)
    harm = ScorersHarm(scorers_of(ground.settings, ground.inference, ground.registry))
    feedback = SqlFeedback(ground.database)
    preferences = GivenPreferences(Pairs(feedback), feedback)
    world = World(
        store := SqlAdaptations(ground.database),
        ServedWriters(ground.inference, ground.registry),
        preferences,
        FolderRows(ground.settings.adaptations_dir),
        TrainingCalls(training, ground.identity),
        RolloutCalls(ground.registry, ground.identity),
    )
    prompts = own_prompts()
    stages = Stages(world, Pairing(harm, rewards, preferences, prompts), Evaluating(harm, prompts), utc_now)
    runner = Runner(store, stages, world.rows)
    adapting = Adapting(
        store, world.writers, rewards, world.rows, world.training, ground.trail, wake=runner.wake
    )
    ground.server.add(add_AdaptingServiceServicer_to_server, AdaptingServicer(adapting), FULL_NAME)

    async def held(after: tuple[str, str], limit: int) -> Sequence[Held]:
        return [Held(*each) for each in await store.held(after, limit)]

    return Room(erase=adapting.erase, held=held, background=(runner.run,))


def _rewards(ground: Ground) -> LearntRewards:
    pairs = Pairs(SqlFeedback(ground.database))
    embedder = EngineVectors(ground.inference, ground.registry)
    return LearntRewards(RewardModels(SqlRewardModels(ground.database), pairs, embedder, ground.trail))
