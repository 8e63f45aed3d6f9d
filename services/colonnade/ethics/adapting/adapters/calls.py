"""The training service and the registry's rollouts over gRPC, asked in the name of whoever asked for an
adaptation."""

from colonnade.api.registry.v1 import rollouts_pb2 as rollouts
from colonnade.api.registry.v1.rollouts_pb2_grpc import RolloutServiceStub
from colonnade.api.training.v1 import training_pb2 as messages
from colonnade.api.training.v1.training_pb2_grpc import TrainingServiceStub
from colonnade.errors import Conflict
from colonnade.ethics.adapting.adapters.acting import acting_for
from colonnade.ethics.adapting.domain.adaptations import Asker
from colonnade.ethics.adapting.ports import Job
from colonnade.ethics.bias.domain.reports import Version
from colonnade.rpc import Identity, Peer

_SECONDS = 30.0
_ENDED = (messages.JOB_STATE_SUCCEEDED, messages.JOB_STATE_FAILED, messages.JOB_STATE_CANCELLED)


class TrainingCalls:
    """Implements ``ports.Training``."""

    def __init__(self, training: Peer, identity: Identity) -> None:
        self._peer, self._identity = training, identity
        self._stub = TrainingServiceStub(training.channel)

    async def submit(self, asker: Asker, recipe: str, key: str) -> str:
        request = messages.SubmitJobRequest(recipe=recipe, idempotency_key=key)
        with acting_for(self._identity, asker):
            answer = await self._peer.unary(
                self._stub.SubmitJob, request, messages.SubmitJobResponse, timeout=_SECONDS
            )
        return answer.job.id

    async def job(self, asker: Asker, job_id: str) -> Job:
        with acting_for(self._identity, asker):
            answer = await self._peer.unary(
                self._stub.GetJob, messages.GetJobRequest(id=job_id), messages.GetJobResponse,
                timeout=_SECONDS,
            )  # fmt: skip
        return job_of(answer.job)

    async def cancel(self, asker: Asker, job_id: str, why: str) -> None:
        request = messages.CancelJobRequest(id=job_id, why=why)
        with acting_for(self._identity, asker):
            try:
                await self._peer.unary(
                    self._stub.CancelJob, request, messages.CancelJobResponse, timeout=_SECONDS
                )
            except Conflict:
                return  # it has ended


def job_of(job: messages.Job) -> Job:
    """A job that succeeded and whose version was not registered has its reason in its message."""
    ended = job.state in _ENDED
    made = None
    if job.state == messages.JOB_STATE_SUCCEEDED and job.produced_version:
        made = Version(job.produced_model, job.produced_version, job.produced_digest)
    return Job(job.id, ended, job.message if ended and made is None else "", job.step, made)


class RolloutCalls:
    """Implements ``ports.Rollouts``."""

    def __init__(self, registry: Peer, identity: Identity) -> None:
        self._peer, self._identity = registry, identity
        self._stub = RolloutServiceStub(registry.channel)

    async def propose(
        self, asker: Asker, version: Version, route: str, policy: str, why: str, key: str
    ) -> str:
        request = rollouts.StartRolloutRequest(
            model=version.name, version=version.version, alias=route, policy=policy, why=why,
            idempotency_key=key,
        )  # fmt: skip
        with acting_for(self._identity, asker):
            answer = await self._peer.unary(
                self._stub.StartRollout, request, rollouts.StartRolloutResponse, timeout=_SECONDS
            )
        return answer.rollout.id
