"""An engine over gRPC."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from colonnade.api.engine.v1 import engine_pb2 as wire
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceStub
from colonnade.errors import Unavailable
from colonnade.inference.domain import Chunk, Loaded, Manifest, Parcel, Ref, Stats, Work
from colonnade.rpc import Peer


class GrpcEngine:
    """Parcels are the messages of the engine's contract; a work's is what the servicer was asked."""

    def __init__(self, peer: Peer, *, stats_timeout: float, load_timeout: float) -> None:
        self._peer = peer
        self._stub = EngineServiceStub(peer.channel)
        self._stats_timeout = stats_timeout
        self._load_timeout = load_timeout

    @property
    def address(self) -> str:
        return self._peer.address

    async def stats(self) -> Stats:
        answer = await self._peer.unary(
            self._stub.Stats,
            wire.StatsRequest(),
            wire.StatsResponse,
            as_service=True,
            timeout=self._stats_timeout,
        )
        return Stats(
            instance=answer.instance,
            loaded={model.model.digest: _loaded(model, answer.checks_seals) for model in answer.models},
            free_bytes=max(0, answer.memory_budget_bytes - answer.memory_used_bytes),
            outstanding_tokens=answer.outstanding_tokens,
            draining=answer.draining,
            parcel=answer,
            draft=answer.draft,
        )

    async def load(self, manifest: Manifest) -> Loaded:
        request = wire.LoadRequest(manifest=manifest.parcel)
        progress = self._peer.stream(
            self._stub.Load, request, wire.LoadResponse, as_service=True, timeout=self._load_timeout
        )
        async with aclosing(progress) as responses:
            async for response in responses:
                if response.HasField("loaded"):
                    return _loaded(response.loaded, bool(response.loaded.sealed))
        raise Unavailable("the engine ended the load without a result; try again")

    async def load_adapter(self, model: str, manifest: Manifest) -> None:
        request = wire.LoadAdapterRequest(model_digest=model, manifest=manifest.parcel)
        await self._peer.unary(
            self._stub.LoadAdapter,
            request,
            wire.LoadAdapterResponse,
            as_service=True,
            timeout=self._load_timeout,
        )

    async def submit(self, work: Work) -> AsyncGenerator[Chunk]:
        request = wire.SubmitRequest(generation=work.parcel)
        async with aclosing(self._peer.stream(self._stub.Submit, request, wire.SubmitResponse)) as responses:
            async for response in responses:
                chunk = response.chunk
                yield Chunk(chunk, chunk.HasField("finish"), chunk.text, chunk.index)

    async def abort(self, request_id: str) -> bool:
        request = wire.AbortRequest(request_id=request_id)
        return (await self._peer.unary(self._stub.Abort, request, wire.AbortResponse)).found

    async def score(self, work: Work) -> Parcel:
        asked = work.parcel
        request = wire.ScoreRequest(
            model=asked.model, context=asked.context, text=asked.text, texts=asked.texts
        )
        return await self._peer.unary(self._stub.Score, request, wire.ScoreResponse)

    async def embed(self, work: Work) -> Parcel:
        asked = work.parcel
        request = wire.EmbedRequest(model=asked.model, texts=asked.texts, truncate=asked.truncate)
        return await self._peer.unary(self._stub.Embed, request, wire.EmbedResponse)

    async def tokenize(self, work: Work) -> Parcel:
        asked = work.parcel
        request = wire.TokenizeRequest(
            model=asked.model, add_special_tokens=asked.add_special_tokens, with_texts=asked.with_texts
        )
        if asked.WhichOneof("input") == "chat":
            request.chat.CopyFrom(asked.chat)
        else:
            request.text = asked.text
        return await self._peer.unary(self._stub.Tokenize, request, wire.TokenizeResponse)

    async def detokenize(self, work: Work) -> Parcel:
        request = wire.DetokenizeRequest(model=work.parcel.model, ids=work.parcel.ids)
        return await self._peer.unary(self._stub.Detokenize, request, wire.DetokenizeResponse)

    async def close(self) -> None:
        await self._peer.close()


def _loaded(model: wire.LoadedModel, checks: bool) -> Loaded:
    sealed = frozenset(Ref(each.digest, each.name, each.version) for each in model.sealed)
    return Loaded(model.model.digest, model, frozenset(model.adapters), sealed if checks else None)
