"""The registry over gRPC, in the name of whoever a job is somebody's."""

import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import catalogue_pb2 as catalogue
from colonnade.api.registry.v1 import drafts_pb2 as drafts
from colonnade.api.registry.v1 import evaluations_pb2 as evaluations
from colonnade.api.registry.v1 import lineage_pb2 as lineage
from colonnade.api.registry.v1 import manifest_pb2 as manifests
from colonnade.api.registry.v1 import registry_pb2 as models
from colonnade.api.registry.v1 import rollouts_pb2 as rollouts
from colonnade.api.registry.v1.catalogue_pb2_grpc import CatalogueServiceStub
from colonnade.api.registry.v1.drafts_pb2_grpc import DraftServiceStub
from colonnade.api.registry.v1.evaluations_pb2_grpc import EvaluationServiceStub
from colonnade.api.registry.v1.lineage_pb2_grpc import LineageServiceStub
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.api.registry.v1.rollouts_pb2_grpc import RolloutServiceStub
from colonnade.errors import Conflict, InvalidArgument, Unavailable
from colonnade.rpc import CallContext, Identity, Peer, bound
from colonnade.security.identity import Principal
from colonnade.security.inputs.catalogue import MAX_METRICS_ADDED
from colonnade.training.domain import ModelVersion
from colonnade.training.publishing.ports import Draft, Edge, Evaluation, File, Known, Metric, Node

_Response = TypeVar("_Response")
_SECONDS = 15.0
_WRITE_SECONDS = 24 * 3600.0
_CHUNK_BYTES = 1024 * 1024


class RegistryCalls:
    """Implements ``publishing.ports.Registry``."""

    def __init__(self, peer: Peer, identity: Identity) -> None:
        self._peer, self._identity = peer, identity
        channel = peer.channel
        self._models, self._drafts = RegistryServiceStub(channel), DraftServiceStub(channel)
        self._catalogue, self._lineage = CatalogueServiceStub(channel), LineageServiceStub(channel)
        self._rollouts, self._evaluations = RolloutServiceStub(channel), EvaluationServiceStub(channel)

    async def resolve(self, who: Principal, reference: str) -> Known:
        request = models.ResolveRequest(reference=reference)
        found = await self._unary(who, self._models.Resolve, request, models.ResolveResponse)
        if len(found.targets) != 1:
            raise InvalidArgument(
                f"{reference} means {len(found.targets)} versions; name one, as in {found.name}:3",
                field="reference",
            )
        return _known(found.targets[0].manifest)

    async def find(self, who: Principal, digest: str) -> Known:
        request = models.GetManifestRequest(digest=digest)
        found = await self._unary(who, self._models.GetManifest, request, models.GetManifestResponse)
        return _known(found.manifest)

    async def read(self, who: Principal, digest: str, offset: int) -> AsyncGenerator[bytes, None]:
        request = drafts.ReadFileRequest(digest=digest, offset=offset)
        async with aclosing(
            self._stream(who, self._drafts.ReadFile, request, drafts.ReadFileResponse)
        ) as found:
            async for piece in found:
                yield piece.chunk

    async def begin(
        self, who: Principal, model: str, base: str, alias: str, key: str, source: str = ""
    ) -> Draft:
        request = drafts.BeginVersionRequest(
            model=model, base=base, alias=alias, idempotency_key=key, source=source
        )
        found = await self._unary(who, self._drafts.BeginVersion, request, drafts.BeginVersionResponse)
        return _draft(found.draft)

    async def look(self, who: Principal, draft: Draft) -> Draft:
        request = drafts.GetDraftRequest(model=draft.model, number=draft.number)
        found = await self._unary(who, self._drafts.GetDraft, request, drafts.GetDraftResponse)
        return _draft(found.draft)

    async def discard(self, who: Principal, draft: Draft) -> None:
        request = drafts.DiscardDraftRequest(model=draft.model, number=draft.number)
        try:
            await self._unary(who, self._drafts.DiscardDraft, request, drafts.DiscardDraftResponse)
        except Conflict:
            if (await self.look(who, draft)).state != "discarded":
                raise

    async def announce(self, who: Principal, draft: Draft, file: File) -> int:
        request = drafts.OpenFileRequest(
            model=draft.model, number=draft.number,
            path=file.path, size_bytes=file.size_bytes, digest=file.digest,
        )  # fmt: skip
        found = await self._unary(who, self._drafts.OpenFile, request, drafts.OpenFileResponse)
        return found.file.received

    async def write(
        self, who: Principal, draft: Draft, path: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> None:
        first = drafts.WriteFileRequest(model=draft.model, number=draft.number, path=path, offset=offset)
        faults = list[Exception]()
        method, requests = self._drafts.WriteFile, _requests(first, chunks, faults)
        await self._unary(who, method, requests, drafts.WriteFileResponse, _WRITE_SECONDS)
        if faults:
            raise faults[0]

    async def seal(self, who: Principal, draft: Draft) -> ModelVersion:
        request = drafts.SealVersionRequest(model=draft.model, number=draft.number)
        steps = self._stream(who, self._drafts.SealVersion, request, drafts.SealVersionResponse)
        made: ModelVersion | None = None
        async with aclosing(steps):
            async for step in steps:
                if step.progress.HasField("version"):
                    made = _version(step.progress.version.manifest)
        if made is None:
            raise Unavailable("the registry broke off before it said which version it made")
        return made

    async def describe(
        self,
        who: Principal,
        version: ModelVersion,
        description: str,
        tags: Mapping[str, str],
        metrics: Sequence[Metric],
    ) -> None:
        request = catalogue.DescribeVersionRequest(
            name=version.model, version=version.number, set_tags=tags,
            add_metrics=[_metric(each) for each in metrics if math.isfinite(each.value)][:MAX_METRICS_ADDED],
        )  # fmt: skip
        if description:
            request.description = description
        method = self._catalogue.DescribeVersion
        await self._unary(who, method, request, catalogue.DescribeVersionResponse)

    async def record(self, who: Principal, edges: Sequence[Edge]) -> None:
        request = lineage.RecordLineageRequest(edges=map(_edge, edges))
        await self._unary(who, self._lineage.RecordLineage, request, lineage.RecordLineageResponse)

    async def evaluated(self, who: Principal, evaluation: Evaluation, key: str) -> None:
        said = evaluations.Evaluation(
            model=evaluation.version.model, version=evaluation.version.number, suite=evaluation.suite,
            suite_digest=evaluation.suite_digest, results=evaluation.results, origin=evaluation.origin,
        )  # fmt: skip
        request = evaluations.RecordEvaluationRequest(evaluation=said, idempotency_key=key)
        method = self._evaluations.RecordEvaluation
        await self._unary(who, method, request, evaluations.RecordEvaluationResponse)

    async def move(self, who: Principal, version: ModelVersion, alias: str) -> None:
        asked = models.GetModelRequest(name=version.model)
        found = await self._unary(who, self._models.GetModel, asked, models.GetModelResponse)
        now = next((each for each in found.model.aliases if each.name == alias), None)
        if now is not None and [target.version for target in now.targets] == [version.number]:
            return
        targets = [models.AliasTarget(version=version.number, weight=100)]
        request = models.SetAliasRequest(name=version.model, alias=alias, targets=targets)
        request.expected_revision = now.revision if now is not None else 0
        await self._unary(who, self._models.SetAlias, request, models.SetAliasResponse)

    async def roll_out(
        self, who: Principal, version: ModelVersion, alias: str, policy: str, why: str, key: str
    ) -> None:
        request = rollouts.StartRolloutRequest(
            model=version.model,
            version=version.number,
            alias=alias,
            policy=policy,
            why=why,
            idempotency_key=key,
        )
        method = self._rollouts.StartRollout
        await self._unary(who, method, request, rollouts.StartRolloutResponse)

    async def _unary(
        self,
        who: Principal,
        method: Callable[..., Any],
        request: Any,
        response_type: type[_Response],
        seconds: float = _SECONDS,
    ) -> _Response:
        with bound(self._context(who)):
            return await self._peer.unary(method, request, response_type, timeout=seconds)

    async def _stream(
        self, who: Principal, method: Callable[..., Any], request: Any, response_type: type[_Response]
    ) -> AsyncGenerator[_Response, None]:
        responses: AsyncGenerator[_Response, None] = self._peer.stream(method, request, response_type)
        async with aclosing(responses):
            with bound(self._context(who)):  # the peer reads it as it starts
                first = await anext(responses, None)
            if first is not None:
                yield first
            async for response in responses:
                yield response

    def _context(self, who: Principal) -> CallContext:
        return CallContext(who, self._identity.token(who), "")


async def _requests(
    first: drafts.WriteFileRequest, chunks: AsyncIterable[bytes], faults: list[Exception]
) -> AsyncIterator[drafts.WriteFileRequest]:
    """Where we cannot read on, the stream ends in order: the registry keeps what arrived, and we raise."""
    yield first
    try:
        async for chunk in chunks:
            for start in range(0, len(chunk), _CHUNK_BYTES):
                yield drafts.WriteFileRequest(chunk=chunk[start : start + _CHUNK_BYTES])
    except Exception as fault:
        faults.append(fault)


def _known(manifest: manifests.Manifest) -> Known:
    files = [File(each.path, each.size_bytes, each.digest) for each in manifest.artefacts]
    return Known(_version(manifest), files, adapter=bool(manifest.base))


def _draft(found: drafts.Draft) -> Draft:
    return Draft(found.model, found.number, found.state, found.message, found.fraction)


def _version(manifest: manifests.Manifest) -> ModelVersion:
    return ModelVersion(manifest.name, manifest.version, manifest.digest)


def _metric(metric: Metric) -> catalogue.Metric:
    at = Timestamp()
    at.FromMicroseconds(round(metric.at * 1e6))
    return catalogue.Metric(
        key=metric.key, value=metric.value, step=metric.step, at=at, dataset=metric.dataset
    )


def _edge(edge: Edge) -> lineage.Edge:
    relation = {"relation": edge.relation, "to": _node(edge.target)}
    return lineage.Edge(**{"from": _node(edge.source)}, **relation)  # type: ignore[arg-type]


def _node(node: Node) -> lineage.Node:
    return lineage.Node(kind=node.kind, id=node.id, label=node.label, facts=node.facts)
