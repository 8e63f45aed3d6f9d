"""What is asked of rollouts, and what drives them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from colonnade.api.registry.v1.rollouts_pb2_grpc import add_RolloutServiceServicer_to_server
from colonnade.errors import InvalidArgument
from colonnade.registry.adapters.evaluator import Probes, ServedModel
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.rollouts.policies import policies_in
from colonnade.registry.rollouts.runner import Runner
from colonnade.registry.rollouts.service import Rollouts
from colonnade.registry.servicers.rollouts import FULL_NAME, RolloutServicer
from colonnade.registry.wiring.ground import Ground
from colonnade.registry.wiring.tasks import beside
from colonnade.rpc import Identity, Peer, Server


@asynccontextmanager
async def rollouts_in(ground: Ground, server: Server, identity: Identity) -> AsyncIterator[Rollouts]:
    settings, store = ground.settings, SqlRolloutStore(ground.database)
    policies = policies_in(settings.policies_dir)
    if settings.default_policy not in policies:
        raise InvalidArgument(
            f"COLONNADE_REGISTRY_DEFAULT_POLICY must be one of {', '.join(sorted(policies))}", field="policy"
        )
    async with (
        Peer("inference", settings.inference, identity) as inference,
        Peer("ethics", settings.ethics, identity) as ethics,
    ):
        served = ServedModel(inference, ethics, Probes.read(settings.probes_dir))
        runner = Runner(
            store, ground.versions, served, ground.trail,
            tick_seconds=settings.rollout_tick_seconds, lease_seconds=settings.rollout_lease_seconds,
            holder=ground.name,
        )  # fmt: skip
        rollouts = Rollouts(
            store, ground.versions, ground.trail, policies,
            default_policy=settings.default_policy, wake=runner.wake,
        )  # fmt: skip
        server.add(add_RolloutServiceServicer_to_server, RolloutServicer(rollouts), FULL_NAME)
        async with beside(runner.run()):
            yield rollouts
