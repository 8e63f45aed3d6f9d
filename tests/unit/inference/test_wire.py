"""The whole service on real sockets, between an engine and a registry that speak their contracts."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from colonnade.api.engine.v1 import engine_pb2 as engine_wire
from colonnade.api.engine.v1.engine_pb2_grpc import add_EngineServiceServicer_to_server
from colonnade.api.generation.v1.generation_pb2 import (
    FINISH_REASON_CANCELLED,
    Chat,
    ChatMessage,
    Generation,
    ModelRef,
    Usage,
)
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import (
    InferenceServiceStub,
    add_InferenceServiceServicer_to_server,
)
from colonnade.api.registry.v1.registry_pb2 import ResolvedTarget
from colonnade.api.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from colonnade.errors import ColonnadeError, InvalidArgument, NotFound, PermissionDenied
from colonnade.inference.adapters.engine import GrpcEngine
from colonnade.inference.adapters.registry import GrpcRegistry
from colonnade.inference.domain import ABORTED
from colonnade.inference.domain.leases import Leases
from colonnade.inference.fleet import Fleet
from colonnade.inference.manifests import Manifests
from colonnade.inference.metrics import Metrics
from colonnade.inference.overview import Overview
from colonnade.inference.placement import Placement, Policy
from colonnade.inference.registrations import Registrations
from colonnade.inference.service import Inference
from colonnade.inference.servicer import FULL_NAME, InferenceServicer
from colonnade.inference.wire import generation_work, responses_of
from colonnade.rpc import CallContext, Identity, Peer, Server, bound
from colonnade.security.access import engine as engine_access
from colonnade.security.access import inference as inference_access
from colonnade.security.access import registry as registry_access
from colonnade.security.identity import Principal, Role
from tests.unit.inference.wire import (
    ADAPTER,
    CANCELLED,
    CHUNKS,
    LOADED,
    MANIFEST,
    REF,
    EngineDouble,
    RegistryDouble,
)

LIMIT = 20.0
ANN = Principal("acme", "ann", frozenset({Role.CALLER}))
SERVICE = Principal.service("inference")


@dataclass
class Service:
    peer: Peer
    stub: InferenceServiceStub
    engine: EngineDouble
    registry: RegistryDouble
    registry_port: GrpcRegistry
    identity: Identity
    fleet: Fleet
    inference: Inference

    def speaking(self, principal: Principal, deadline: float | None = None) -> Any:
        return bound(CallContext(principal, self.identity.token(principal), "request-7", deadline))

    def generate(self, **generation: Any) -> AsyncGenerator[wire.GenerateResponse]:
        request = wire.GenerateRequest(generation=Generation(**{"model": REF, "prompt": "hi", **generation}))
        return self.peer.stream(self.stub.Generate, request, wire.GenerateResponse)


@pytest.fixture
def folder(short_folder: Path) -> Path:
    return short_folder


@pytest.fixture
async def service(folder: Path) -> AsyncIterator[Service]:
    async with asyncio.timeout(LIMIT), AsyncExitStack() as stack:
        identity = Identity("inference", folder / "identity")
        engine, registry = EngineDouble(), RegistryDouble()

        async def serve(name: str, rpcs: Any, register: Any, servicer: Any, full_name: str) -> str:
            server = Server(f"unix:{folder}/run/{name}.sock", rpcs, identity)
            server.add(register, servicer, full_name)
            await server.start()
            stack.push_async_callback(server.stop, 0)
            return server.address

        async def peer(name: str, address: str) -> Peer:
            return await stack.enter_async_context(Peer(name, address, identity))

        engine_address = await serve(
            "engine", engine_access.RPCS, add_EngineServiceServicer_to_server, engine, "e"
        )
        registry_address = await serve(
            "registry", registry_access.RPCS, add_RegistryServiceServicer_to_server, registry, "r"
        )
        metrics = Metrics(CollectorRegistry())
        port = GrpcRegistry(await peer("registry", registry_address), timeout=LIMIT)
        engines = [GrpcEngine(await peer("engine", engine_address), stats_timeout=LIMIT, load_timeout=LIMIT)]
        fleet = Fleet(engines, metrics, interval=3600)
        placement = Placement(fleet, Manifests(port, 4), metrics, Policy(1, LIMIT))
        inference = Inference(placement, max_in_flight=8, max_shadows=2)
        leases = Leases(60, 2, time.monotonic)

        def connect(address: str) -> GrpcEngine:
            return GrpcEngine(Peer("engine", address, identity), stats_timeout=LIMIT, load_timeout=LIMIT)

        registrations = Registrations(placement, leases, connect, [engine_address])
        address = await serve(
            "inference",
            inference_access.RPCS,
            add_InferenceServiceServicer_to_server,
            InferenceServicer(
                inference,
                Overview(placement, leases),
                registrations,
            ),
            FULL_NAME,
        )
        watching = asyncio.create_task(fleet.watch())
        caller = await peer("inference", address)
        stub = InferenceServiceStub(caller.channel)
        yield Service(caller, stub, engine, registry, port, identity, fleet, inference)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_generation_loads_its_version_and_streams_unchanged(service: Service) -> None:
    with service.speaking(ANN):
        chunks = [response.chunk async for response in service.generate(session="s", max_tokens=5)]
    assert chunks == CHUNKS
    [(load, loader)] = service.engine.calls["Load"]
    assert load.manifest == MANIFEST
    assert loader.principal == SERVICE
    [(submit, submitter)] = service.engine.calls["Submit"]
    assert submit.generation == Generation(model=REF, prompt="hi", session="s", max_tokens=5)
    assert submitter.principal == ANN
    assert {call.principal for call in service.registry.calls} == {SERVICE}
    assert {call.request_id for call in (loader, submitter, *service.registry.calls)} == {"request-7"}


async def test_a_whole_answer_comes_in_one_message(service: Service) -> None:
    request = wire.GenerateWholeRequest(
        request=wire.GenerateRequest(generation=Generation(model=REF, prompt="hi")), seconds=10
    )
    with service.speaking(ANN, deadline=time.monotonic() + 15):
        answer = await service.peer.unary(service.stub.GenerateWhole, request, wire.GenerateWholeResponse)
    [part] = answer.parts
    assert (part.chunk.text, part.unlisted_tokens, list(part.chunk.tokens)) == ("Hello", 2, [])
    assert part.chunk.finish == CHUNKS[-1].finish
    assert not answer.HasField("fault")
    [(_, submitter)] = service.engine.calls["Submit"]
    assert submitter.principal == ANN
    assert submitter.deadline is not None
    assert submitter.deadline - time.monotonic() <= 10


async def test_a_whole_answer_that_is_aborted_says_what_it_came_to(service: Service) -> None:
    service.engine.endless = True
    generation = Generation(model=REF, prompt="hi", request_id="r")
    request = wire.GenerateWholeRequest(request=wire.GenerateRequest(generation=generation))
    with service.speaking(ANN):
        asked = asyncio.create_task(
            service.peer.unary(service.stub.GenerateWhole, request, wire.GenerateWholeResponse)
        )
        abort = wire.AbortRequest(request_id="r")
        while not (await service.peer.unary(service.stub.Abort, abort, wire.AbortResponse)).found:
            pass
        [part] = (await asked).parts
    assert part.chunk.finish.reason == FINISH_REASON_CANCELLED


async def test_a_whole_answer_whose_caller_leaves_stops_the_engine(service: Service) -> None:
    service.engine.endless = True
    request = wire.GenerateWholeRequest(
        request=wire.GenerateRequest(generation=Generation(model=REF, prompt="hi"))
    )
    with service.speaking(ANN):
        asked = asyncio.create_task(
            service.peer.unary(service.stub.GenerateWhole, request, wire.GenerateWholeResponse)
        )
        await service.engine.began.wait()
        asked.cancel()
        await service.engine.ended.wait()


async def test_a_generation_has_its_adapter_loaded_beside_the_version(service: Service) -> None:
    adapted = ModelRef(name=REF.name, version=REF.version, digest=REF.digest, adapter=ADAPTER.digest)
    with service.speaking(ANN):
        for _ in range(2):
            assert [response.chunk async for response in service.generate(model=adapted)] == CHUNKS
    [(load, loader)] = service.engine.calls["LoadAdapter"]
    assert (load.model_digest, load.manifest) == (MANIFEST.digest, ADAPTER)
    assert loader.principal == SERVICE
    assert [submit.generation.model for submit, _ in service.engine.calls["Submit"]] == [adapted] * 2


async def test_a_deadline_reaches_the_engine_but_not_the_load(service: Service) -> None:
    with service.speaking(ANN, deadline=time.monotonic() + 15):
        _ = [response async for response in service.generate()]
    submitter = service.engine.calls["Submit"][0][1]
    loader = service.engine.calls["Load"][0][1]
    assert submitter.deadline is not None
    assert submitter.deadline - time.monotonic() <= 15
    assert loader.deadline is not None
    assert loader.deadline - time.monotonic() > 15


async def test_a_caller_that_leaves_stops_the_engine(service: Service) -> None:
    service.engine.endless = True
    with service.speaking(ANN):
        async with aclosing(service.generate()) as responses:
            await anext(responses)
            assert not service.engine.ended.is_set()
    await service.engine.ended.wait()


async def test_priority_and_session_reach_the_engine(service: Service) -> None:
    with service.speaking(ANN):
        _ = [response async for response in service.generate(priority=-7, session="s", request_id="r")]
    submitted = service.engine.calls["Submit"][0][0].generation
    assert (submitted.priority, submitted.session, submitted.request_id) == (-7, "s", "r")


async def test_an_aborted_stream_ends_with_what_it_came_to(service: Service) -> None:
    service.engine.endless = True
    with service.speaking(ANN):
        async with aclosing(service.generate(request_id="r")) as responses:
            assert (await anext(responses)).chunk == CHUNKS[0]
            answer = await service.peer.unary(
                service.stub.Abort, wire.AbortRequest(request_id="r"), wire.AbortResponse
            )
            assert answer.found
            assert [response.chunk async for response in responses] == [CANCELLED]
    [(asked, aborter)] = service.engine.calls["Abort"]
    assert (asked.request_id, aborter.principal) == ("r", ANN)


async def test_what_never_reached_an_engine_ends_with_nothing_for_each_answer(service: Service) -> None:
    other = ModelRef(name="tiny", version=3, digest=REF.digest)
    with service.speaking(ANN):
        request = wire.GenerateRequest(generation=Generation(model=other, prompt="hi", n=2, request_id="r"))
        first, second = responses_of(ABORTED, request)
        with pytest.raises(InvalidArgument, match="request_id"):
            await service.peer.unary(service.stub.Abort, wire.AbortRequest(), wire.AbortResponse)
    assert (first.chunk.index, second.chunk.index) == (0, 1)
    assert first.chunk.finish.reason == second.chunk.finish.reason == FINISH_REASON_CANCELLED
    assert (first.chunk.finish.usage, first.chunk.finish.model) == (Usage(), other)


async def test_a_fallback_answers_with_its_own_version_and_says_so(service: Service) -> None:
    gone = ModelRef(name="gone", version=1, digest="sha256:" + "22" * 32)
    service.engine.refused = gone.digest
    service.engine.models = [LOADED, engine_wire.LoadedModel(model=gone)]
    request = wire.GenerateRequest(
        generation=Generation(model=gone, prompt="hi", request_id="r"), fallbacks=[REF]
    )
    with service.speaking(ANN):
        responses = [
            each async for each in service.peer.stream(service.stub.Generate, request, wire.GenerateResponse)
        ]
    assert [each.chunk for each in responses] == CHUNKS
    assert [each.HasField("fallback") for each in responses] == [True, False, False]
    assert responses[0].fallback == REF
    asked = [submit.generation.model for submit, _ in service.engine.calls["Submit"]]
    assert asked == [gone, REF]


async def test_a_shadow_copy_goes_last_under_another_name_with_the_same_seed(service: Service) -> None:
    service.engine.models = [LOADED]
    service.fleet.poke()
    await service.fleet.until(lambda: service.fleet.views[0].has(REF.digest))
    request = wire.GenerateRequest(
        generation=Generation(model=REF, prompt="hi", request_id="r", priority=3), shadow=REF
    )
    with service.speaking(ANN):
        stream = service.peer.stream(service.stub.Generate, request, wire.GenerateResponse)
        assert [each.chunk async for each in stream] == CHUNKS
    await service.inference.shadows.settled()
    calls = service.engine.calls["Submit"]
    given, copy = sorted((submit.generation for submit, _ in calls), key=lambda each: -each.priority)
    assert (given.request_id, given.priority) == ("r", 3)
    assert (copy.request_id, copy.priority) == ("shadow-r", -10)
    assert copy.sampling.HasField("seed")
    assert given.sampling == copy.sampling
    assert {call.principal for _, call in calls} == {ANN}


async def test_too_many_fallbacks_are_refused(service: Service) -> None:
    request = wire.GenerateRequest(generation=Generation(model=REF, prompt="hi"), fallbacks=[REF] * 5)
    with service.speaking(ANN), pytest.raises(ColonnadeError, match="fallbacks"):
        await anext(service.peer.stream(service.stub.Generate, request, wire.GenerateResponse))


async def test_scores_and_embeddings_arrive(service: Service) -> None:
    with service.speaking(ANN):
        scored = await service.peer.unary(
            service.stub.Score,
            wire.ScoreRequest(model=REF, context="c", text="t", texts=["u", "v"]),
            wire.ScoreResponse,
        )
        embedded = await service.peer.unary(
            service.stub.Embed,
            wire.EmbedRequest(model=REF, texts=["a", "b"], truncate=True),
            wire.EmbedResponse,
        )
    assert (scored.tokens, scored.total_logprob, scored.model) == (CHUNKS[0].tokens, -0.5, REF)
    assert [(each.tokens, each.total_logprob) for each in scored.scores] == [(CHUNKS[0].tokens, -0.5)]
    assert (scored.prompt_tokens, embedded.model) == (3, REF)
    assert [list(embedding.values) for embedding in embedded.embeddings] == [[0.25, 0.5]]
    assert embedded.prompt_tokens == 4
    score, embed = service.engine.calls["Score"][0][0], service.engine.calls["Embed"][0][0]
    assert (score.model, score.context, score.text, list(score.texts)) == (REF, "c", "t", ["u", "v"])
    assert (embed.model, list(embed.texts), embed.truncate) == (REF, ["a", "b"], True)


async def test_tokens_of_texts_and_texts_of_tokens_arrive(service: Service) -> None:
    chat = Chat(messages=[ChatMessage(role="user", content="hi")])
    asked = [
        wire.TokenizeRequest(model=REF, text="", add_special_tokens=True, with_texts=True),
        wire.TokenizeRequest(model=REF, chat=chat),
    ]
    with service.speaking(ANN):
        found = [
            await service.peer.unary(service.stub.Tokenize, each, wire.TokenizeResponse) for each in asked
        ]
        text = await service.peer.unary(
            service.stub.Detokenize, wire.DetokenizeRequest(model=REF, ids=[5, 6]), wire.DetokenizeResponse
        )
    assert (list(found[0].ids), list(found[0].texts), found[0].context_length) == ([5, 6], ["a", "b"], 64)
    assert (found[0].model, text.text, text.model) == (REF, "ab", REF)
    plain, chatty = (request for request, _ in service.engine.calls["Tokenize"])
    assert plain.WhichOneof("input") == "text"
    assert (plain.model, plain.add_special_tokens, plain.with_texts) == (REF, True, True)
    assert (chatty.chat, chatty.add_special_tokens, chatty.with_texts) == (chat, False, False)
    [(request, call)] = service.engine.calls["Detokenize"]
    assert (request.model, list(request.ids), call.principal) == (REF, [5, 6], ANN)


async def test_preparing_and_listing(service: Service) -> None:
    prepared = await service.peer.unary(
        service.stub.Prepare, wire.PrepareRequest(model=REF), wire.PrepareResponse
    )
    assert prepared.loaded == LOADED
    listed = await service.peer.unary(
        service.stub.ListEngines, wire.ListEnginesRequest(), wire.ListEnginesResponse
    )
    [engine] = listed.engines
    assert engine.ready
    assert engine.stats.instance == "one"
    assert engine.address.startswith("unix:")


async def test_an_engine_registers_is_listed_with_its_lease_and_leaves(service: Service) -> None:
    request = wire.RegisterRequest(address="unix:/nobody/there.sock", lease_seconds=5)
    granted = await service.peer.unary(service.stub.Register, request, wire.RegisterResponse)
    listed = await service.peer.unary(
        service.stub.ListEngines, wire.ListEnginesRequest(), wire.ListEnginesResponse
    )
    left = await service.peer.unary(
        service.stub.Deregister, wire.DeregisterRequest(address=request.address), wire.DeregisterResponse
    )
    assert (granted.lease_seconds, left.found) == (5, True)
    assert [(each.ready, each.why_not) for each in listed.engines][1:] == [(False, "away")]
    assert 0 < listed.engines[1].lease_seconds <= 5
    assert listed.engines[0].lease_seconds == 0
    assert request.address not in service.fleet


@pytest.mark.parametrize("role", [Role.CALLER, Role.ADMIN])
async def test_only_services_register(service: Service, role: Role) -> None:
    request = wire.RegisterRequest(address="e:1")
    with service.speaking(Principal("acme", "ann", frozenset({role}))), pytest.raises(PermissionDenied):
        await service.peer.unary(service.stub.Register, request, wire.RegisterResponse)


@pytest.mark.parametrize("role", [Role.CALLER, Role.AUDITOR])
async def test_preparing_is_not_for_everyone(service: Service, role: Role) -> None:
    with service.speaking(Principal("acme", "ann", frozenset({role}))), pytest.raises(PermissionDenied):
        await service.peer.unary(service.stub.Prepare, wire.PrepareRequest(model=REF), wire.PrepareResponse)
    assert "Load" not in service.engine.calls


async def test_refusals_arrive_as_they_are(service: Service) -> None:
    with service.speaking(ANN):
        with pytest.raises(NotFound, match="no version has this digest"):
            await anext(service.generate(model=ModelRef(digest="sha256:" + "00" * 32)))
        with pytest.raises(InvalidArgument) as refused:
            await anext(service.generate(model=ModelRef(name="tiny")))
    assert refused.value.details == {"field": "model.digest"}


async def test_the_default_is_the_heaviest_target_or_nothing(service: Service) -> None:
    assert await service.registry_port.default() is None
    service.registry.targets = [
        ResolvedTarget(manifest=type(MANIFEST)(name="light"), weight=10),
        ResolvedTarget(manifest=MANIFEST, weight=90),
    ]
    chosen = await service.registry_port.default()
    assert chosen is not None
    assert (chosen.name, chosen.version, chosen.digest) == ("tiny", 3, MANIFEST.digest)
    assert chosen.parcel == MANIFEST


def test_what_a_generation_costs() -> None:
    chat = Chat(
        messages=[ChatMessage(role="user", content="x" * 40), ChatMessage(role="user", content="y" * 40)]
    )
    assert generation_work(Generation(model=REF, prompt="x" * 400, max_tokens=50)).tokens == 151
    assert generation_work(Generation(model=REF, chat=chat, max_tokens=50)).tokens == 71
    assert generation_work(Generation(model=REF, chat=chat, max_tokens=50, n=3)).tokens == 171
    assert generation_work(Generation(model=REF, max_tokens=-5)).tokens == 1


def test_the_table_lists_exactly_what_is_served() -> None:
    from colonnade.api.inference.v1.inference_pb2 import DESCRIPTOR

    served = {
        f"/{FULL_NAME}/{method.name}" for method in DESCRIPTOR.services_by_name["InferenceService"].methods
    }
    of_erasure = {rpc for rpc in inference_access.RPCS if ".erasure." in rpc}
    assert set(inference_access.RPCS) == served | of_erasure
