"""``/mlflow/api/2.0/mlflow-artifacts/artifacts``: the files of versions, as MLflow's clients ask for them."""

import time
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from colonnade.gateway.domain.models import Artefact
from colonnade.gateway.http.described import texts
from colonnade.gateway.http.download import Download
from colonnade.gateway.http.mlflow import answers
from colonnade.gateway.http.ranges import Part
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.gateway.service.mlflow.sources import version_number
from colonnade.security.inputs import check_text, model_name

PREFIX = "/mlflow/api/2.0/mlflow-artifacts/artifacts"
router = APIRouter(route_class=GuardedRoute, prefix=PREFIX, tags=["mlflow"])
_MAX_PATH_BYTES = 1024


@router.get("", response_model=answers.Files, response_model_exclude_none=True)
async def list_artifacts(
    request: Request,
    path: Annotated[str, Query(description="name/version, and a folder in it.", examples=["qwen/1"])],
) -> answers.Files:
    """The files and folders in a folder of a version."""
    check_text(path, "path", _MAX_PATH_BYTES, controls="line")
    name, _, rest = path.strip("/").partition("/")
    version, _, folder = rest.partition("/")
    caller, number = exchange_of(request).caller, version_number(version)
    artefacts = await gateway_of(request).mlflow.versions.artefacts(caller, model_name(name, "path"), number)
    return answers.Files(files=_listed(artefacts, folder.strip("/")))


@router.get(
    "/{name}/{version}/{path:path}",
    response_model=None,
    response_class=Response,
    responses=texts("application/octet-stream"),
)
async def download_artifact(request: Request, name: str, version: str, path: str) -> Response:
    """The bytes of a file of a version."""
    exchange = exchange_of(request)
    exchange.deadline = time.monotonic() + options_of(request).import_seconds
    check_text(path, "path", _MAX_PATH_BYTES, controls="line")
    versions, number = gateway_of(request).mlflow.versions, version_number(version)
    artefact, chunks = await versions.file(exchange.caller, model_name(name), number, path)
    whole = Part.whole(artefact.size_bytes)
    return Download(exchange, artefact.path.rpartition("/")[2], whole, chunks)


def download_uri(request: Request, name: str, version: int) -> str:
    """By the name under which the client found this gateway, and as safely as it came."""
    secure = request.headers.get("x-forwarded-proto") == "https"
    return f"{'https' if secure else request.url.scheme}://{request.url.netloc}{PREFIX}/{name}/{version}"


def _listed(artefacts: Iterable[Artefact], folder: str) -> list[answers.FileInfo]:
    found = dict[str, answers.FileInfo]()
    for artefact in artefacts:
        inside = artefact.path.removeprefix(f"{folder}/") if folder else artefact.path
        if folder and inside == artefact.path:
            continue
        name, slash, _ = inside.partition("/")
        size = None if slash else artefact.size_bytes
        found[name] = answers.FileInfo(path=name, is_dir=bool(slash), file_size=size)
    return [found[name] for name in sorted(found)]
