"""``/mlflow/api/2.0/mlflow/model-versions``: versions, and the stages that are aliases."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from colonnade.gateway.domain.catalogue import VersionChange
from colonnade.gateway.domain.mlflow import ModelVersion
from colonnade.gateway.http.mlflow import answers, bodies, checks
from colonnade.gateway.http.mlflow.artifacts import download_uri
from colonnade.gateway.http.mlflow.checks import MOST_VERSIONS
from colonnade.gateway.http.mlflow.models import PREFIX, Name, OrderBy
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.service.mlflow import ModelVersions
from colonnade.gateway.service.mlflow.sources import version_number
from colonnade.security.inputs import model_name

router = APIRouter(route_class=GuardedRoute, prefix=f"{PREFIX}/model-versions", tags=["mlflow"])
_Version = Annotated[str, Query(description="A number.")]


def _versions(request: Request) -> ModelVersions:
    return gateway_of(request).mlflow.versions


@router.post("/create", response_model=answers.ModelVersionAnswer)
async def create_model_version(
    request: Request, body: bodies.CreateVersionBody
) -> answers.ModelVersionAnswer:
    """Imports a source. What takes longer than a minute is `PENDING_REGISTRATION`, and goes on."""
    made = await _versions(request).create(exchange_of(request).caller, checks.version_order(body))
    return answers.ModelVersionAnswer.of(made)


@router.get("/get", response_model=answers.ModelVersionAnswer)
async def get_model_version(request: Request, name: Name, version: _Version) -> answers.ModelVersionAnswer:
    """One version, in the making too."""
    caller = exchange_of(request).caller
    found = await _versions(request).get(caller, model_name(name), version_number(version))
    return answers.ModelVersionAnswer.of(found)


@router.get("/search", response_model=answers.ModelVersions)
async def search_model_versions(
    request: Request,
    filter: str = "",  # noqa: A002 # MLflow's name
    max_results: Annotated[
        int, Query(json_schema_extra={"minimum": 1, "maximum": MOST_VERSIONS})
    ] = MOST_VERSIONS,
    order_by: OrderBy = [],  # noqa: B006 # FastAPI copies it
    page_token: str = "",
) -> answers.ModelVersions:
    """Versions that meet a filter, the last changed first unless `order_by` says otherwise."""
    asked = checks.asked(filter, order_by, max_results, page_token, MOST_VERSIONS)
    found, token = await _versions(request).search(exchange_of(request).caller, asked)
    shown = [answers.ModelVersion.of(each) for each in found]
    return answers.ModelVersions(model_versions=shown, next_page_token=token)


@router.patch("/update", response_model=answers.ModelVersionAnswer)
async def update_model_version(
    request: Request, body: bodies.DescribeVersionBody
) -> answers.ModelVersionAnswer:
    """Says something else of it."""
    text = None if body.description is None else checks.description(body.description)
    return answers.ModelVersionAnswer.of(await _described(request, body, VersionChange(description=text)))


@router.delete("/delete", response_model=answers.Done)
async def delete_model_version(request: Request, body: bodies.VersionBody) -> answers.Done:
    """Refused while an alias, a rollout or an adapter needs it."""
    caller, number = exchange_of(request).caller, version_number(body.version)
    await _versions(request).delete(caller, model_name(body.name), number)
    return answers.Done()


@router.post("/transition-stage", response_model=answers.ModelVersionAnswer)
async def transition_model_version_stage(
    request: Request, body: bodies.StageBody
) -> answers.ModelVersionAnswer:
    """Moves the alias `production` or `staging` to it, or takes them away."""
    name, number = model_name(body.name), version_number(body.version)
    archive = bool(body.archive_existing_versions)
    moved = await _versions(request).transition(
        exchange_of(request).caller, name, number, body.stage, archive=archive
    )
    return answers.ModelVersionAnswer.of(moved)


@router.get("/get-download-uri", response_model=answers.DownloadUri)
async def get_model_version_download_uri(
    request: Request, name: Name, version: _Version
) -> answers.DownloadUri:
    """Where MLflow's clients find its files."""
    caller = exchange_of(request).caller
    found = await _versions(request).ready(caller, model_name(name), version_number(version))
    return answers.DownloadUri(artifact_uri=download_uri(request, found.name, found.version))


@router.post("/set-tag", response_model=answers.Done)
async def set_model_version_tag(request: Request, body: bodies.TagVersionBody) -> answers.Done:
    """One of its tags."""
    await _described(request, body, VersionChange(set_tags={body.key: body.value}))
    return answers.Done()


@router.delete("/delete-tag", response_model=answers.Done)
async def delete_model_version_tag(request: Request, body: bodies.UntagVersionBody) -> answers.Done:
    """Without a word where there is none."""
    await _described(request, body, VersionChange(remove_tags=(body.key,)))
    return answers.Done()


async def _described(request: Request, body: bodies.VersionBody, change: VersionChange) -> ModelVersion:
    caller, number = exchange_of(request).caller, version_number(body.version)
    return await _versions(request).describe(caller, model_name(body.name), number, change)
