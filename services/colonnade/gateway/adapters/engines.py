"""The engines, as the inference service sees them, over its gRPC."""

from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.engines import Breaker, Engine, Loaded
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Target

_SECONDS = 10.0


class InferenceEngines:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = InferenceServiceStub(calls.peer.channel)

    async def list_engines(self, caller: Caller) -> tuple[Engine, ...]:
        answer = await self._calls.unary(
            caller, self._stub.ListEngines, wire.ListEnginesRequest(), wire.ListEnginesResponse, _SECONDS
        )
        return tuple(_engine(each) for each in answer.engines)

    async def prepare(self, caller: Caller, target: Target) -> Loaded:
        model = ModelRef(name=target.name, version=target.version, digest=target.digest)
        if target.base:  # an adapter: the version that it belongs to, whatever that is called
            model = ModelRef(digest=target.base)
        request = wire.PrepareRequest(model=model)
        answer = await self._calls.unary(caller, self._stub.Prepare, request, wire.PrepareResponse)
        return Loaded(answer.loaded.memory_bytes)


def _engine(engine: wire.Engine) -> Engine:
    stats = engine.stats
    return Engine(
        address=engine.address,
        ready=engine.ready,
        why_not=engine.why_not,
        ejected_seconds=engine.ejected_seconds,
        lease_seconds=engine.lease_seconds or None,
        outstanding_tokens=engine.outstanding_tokens,
        running=sum(each.running for each in stats.models),
        waiting=sum(each.waiting for each in stats.models),
        memory_used_bytes=stats.memory_used_bytes,
        memory_budget_bytes=stats.memory_budget_bytes,
        models=tuple(f"{each.model.name}:{each.model.version}" for each in stats.models),
        breakers=tuple(Breaker(each.digest, each.state, each.seconds) for each in engine.breakers),
    )
