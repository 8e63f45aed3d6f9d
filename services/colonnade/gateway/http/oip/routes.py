"""``/v2``: the server, its health, its models, and generation."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from colonnade.errors import NotFound
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.domain.models import ModelDetail
from colonnade.gateway.http.described import answers, streamed
from colonnade.gateway.http.oip import wire
from colonnade.gateway.http.oip.render import FRAMING, OipRenderer
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.health import ready_parts
from colonnade.gateway.http.streaming import Answer
from colonnade.security.inputs import model_name
from colonnade.telemetry.traces import version as installed_version

router = APIRouter(route_class=GuardedRoute, prefix="/v2", tags=["open inference protocol"])
_MODEL = "/models/{model}"
_VERSION = _MODEL + "/versions/{version}"
_Version = Annotated[str, Path(description="A number; GET /v2/models/{model} lists them.")]


@router.get("", response_model=wire.ServerMetadata)
async def server() -> wire.ServerMetadata:
    """What answers, and which extensions of the protocol it has."""
    return wire.ServerMetadata(version=installed_version())


@router.get("/health/live", response_model=wire.OipLive)
async def live() -> wire.OipLive:
    """The process answers."""
    return wire.OipLive()


@router.get("/health/ready", response_model=wire.OipReady)
async def ready(request: Request) -> wire.OipReady:
    """Requests would be answered, else 503."""
    await ready_parts(gateway_of(request))
    return wire.OipReady()


@router.get(_MODEL, response_model=wire.ModelMetadata)
async def model_metadata(request: Request, model: str) -> wire.ModelMetadata:
    """A model's versions, and what goes in and comes out."""
    return _metadata(await _detail(request, model))


@router.get(_VERSION, response_model=wire.ModelMetadata)
async def version_metadata(request: Request, model: str, version: _Version) -> wire.ModelMetadata:
    """The same of one version."""
    return _metadata(await _detail(request, model, version))


@router.get(f"{_MODEL}/ready", response_model=wire.ModelReady)
async def model_ready(request: Request, model: str) -> wire.ModelReady:
    """Requests for the model would be answered; it is loaded at the first one if it is not yet."""
    detail = await _detail(request, model)
    await ready_parts(gateway_of(request))
    return wire.ModelReady(name=detail.model.name)


@router.get(f"{_VERSION}/ready", response_model=wire.ModelReady)
async def version_ready(request: Request, model: str, version: _Version) -> wire.ModelReady:
    """The same of one version."""
    detail = await _detail(request, model, version)
    await ready_parts(gateway_of(request))
    return wire.ModelReady(name=detail.model.name)


@router.post(f"{_MODEL}/generate", response_model=None, responses=answers(wire.OipAnswer))
async def generate(request: Request, model: str, body: wire.OipGenerateBody) -> Answer[Chunk]:
    """Continues a text. The model may also be `name@alias` or `name:version`."""
    return _answer(request, model, body, stream=False)


@router.post(f"{_VERSION}/generate", response_model=None, responses=answers(wire.OipAnswer))
async def generate_by_version(
    request: Request, model: str, version: _Version, body: wire.OipGenerateBody
) -> Answer[Chunk]:
    """Continues a text with one version of a model."""
    return _answer(request, f"{model_name(model)}:{version}", body, stream=False)


@router.post(
    f"{_MODEL}/generate_stream",
    response_model=None,
    response_class=Response,
    responses=streamed(wire.EVENTS),
)
async def generate_stream(request: Request, model: str, body: wire.OipGenerateBody) -> Answer[Chunk]:
    """The same as server-sent events; the last one says how it ended."""
    return _answer(request, model, body, stream=True)


@router.post(
    f"{_VERSION}/generate_stream",
    response_model=None,
    response_class=Response,
    responses=streamed(wire.EVENTS),
)
async def generate_stream_by_version(
    request: Request, model: str, version: _Version, body: wire.OipGenerateBody
) -> Answer[Chunk]:
    """The same as server-sent events, by one version of a model."""
    return _answer(request, f"{model_name(model)}:{version}", body, stream=True)


def _answer(request: Request, model: str, body: wire.OipGenerateBody, *, stream: bool) -> Answer[Chunk]:
    exchange = exchange_of(request)
    exchange.spec = body.spec(model)
    chunks = gateway_of(request).pipeline.generate(exchange)
    return Answer(exchange, chunks, OipRenderer(exchange, body.id), stream=stream, framing=FRAMING)


async def _detail(request: Request, model: str, version: str = "") -> ModelDetail:
    """``NotFound`` for a version that the model does not have."""
    detail = await gateway_of(request).models.get(exchange_of(request).caller, model_name(model, "model"))
    if version and version not in _versions(detail):
        raise NotFound(f"{detail.model.name} has no such version", field="version")
    return detail


def _metadata(detail: ModelDetail) -> wire.ModelMetadata:
    family = detail.versions[0].family if detail.versions else detail.model.family
    return wire.ModelMetadata(name=detail.model.name, versions=_versions(detail), platform=family)


def _versions(detail: ModelDetail) -> list[str]:
    return [str(each.version) for each in detail.versions]
