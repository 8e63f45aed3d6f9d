"""``GET /engines``."""

from typing import Any

from colonnade.api.engine.v1.engine_pb2 import LoadedModel, StatsResponse
from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.gateway.adapters.engines import InferenceEngines
from colonnade.gateway.domain.engines import Breaker, Engine
from colonnade.gateway.domain.exchange import Caller
from colonnade.security.identity import Principal
from tests.unit.gateway.fakes import House

LEFT_OUT = Engine(
    "e:1", False, "ejected", 4.5, 12.0, 7, 1, 2, 30, 100, ("tiny:3",), (Breaker("sha256:ab", "open", 2.0),)
)


class _Peer:
    channel: Any = type("Channel", (), {"__getattr__": lambda *_: lambda *_, **__: None})()


class _Calls:
    peer = _Peer()

    async def unary(self, caller: Caller, method: Any, request: Any, kind: type, seconds: float) -> Any:
        models = [LoadedModel(model=ModelRef(name="tiny", version=3), running=1, waiting=2)]
        stats = StatsResponse(models=models, memory_used_bytes=30, memory_budget_bytes=100)
        return wire.ListEnginesResponse(
            engines=[
                wire.Engine(
                    address="e:1",
                    stats=stats,
                    why_not="ejected",
                    ejected_seconds=4.5,
                    lease_seconds=12,
                    outstanding_tokens=7,
                    breakers=[wire.Breaker(digest="sha256:ab", state="open", seconds=2)],
                ),
                wire.Engine(address="unix:/e.sock", ready=True),
            ]
        )


async def test_engines_as_the_inference_service_tells_of_them() -> None:
    calls: Any = _Calls()
    caller = Caller(Principal.service("gateway"), "r")
    assert await InferenceEngines(calls).list_engines(caller) == (LEFT_OUT, Engine("unix:/e.sock", True))


async def test_they_are_shown_with_why_they_get_nothing(house: House) -> None:
    house.engines.known = (LEFT_OUT, Engine("unix:/e.sock", True))
    async with house.client() as client:
        answer = await client.get("/engines")
    assert answer.status_code == 200
    first, second = answer.json()["engines"]
    assert first == {
        "address": "e:1", "ready": False, "why_not": "ejected", "ejected_seconds": 4.5, "lease_seconds": 12.0,
        "outstanding_tokens": 7, "running": 1, "waiting": 2, "memory_used_bytes": 30,
        "memory_budget_bytes": 100, "models": ["tiny:3"],
        "breakers": [{"digest": "sha256:ab", "state": "open", "seconds": 2.0}],
    }  # fmt: skip
    assert (second["ready"], second["lease_seconds"], second["why_not"]) == (True, None, "")
