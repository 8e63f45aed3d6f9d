"""What is said of models and versions, their search, deletion and renaming."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_catalogue as wire
from colonnade.gateway.http.described import texts
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.http.searching import search_of
from colonnade.security.inputs import check_text, idempotency_key, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE, MAX_VERSION, MAX_WHY_BYTES

router = APIRouter(route_class=GuardedRoute, tags=["models"])
_VERSION = Range(1, MAX_VERSION)
_Version = Annotated[int, Path(json_schema_extra={"minimum": 1})]
_Why = Annotated[str, Query(description="Kept with the record.")]
_PATH = "/models/{name}/versions/{version}"
_Asked = Annotated[
    str,
    Query(alias="filter", description="As in `family = 'lora' AND tags.team = 'x' AND metrics.loss < 2`."),
]
_OrderBy = Annotated[str, Query(description="As in `updated_at DESC`.")]


@router.put("/models/{name}", status_code=201, response_model=wire.ModelRecord)
async def create_model(
    request: Request, name: str, body: wire.NewModel, key: IdempotencyKey = None
) -> wire.ModelRecord:
    """A new model without versions, which belongs to the caller's tenant."""
    once = idempotency_key(key) if key is not None else ""
    caller, descriptions = exchange_of(request).caller, gateway_of(request).descriptions
    made = await descriptions.create_model(caller, model_name(name), body.change(), once)
    return wire.ModelRecord.found(made)


@router.patch("/models/{name}", response_model=wire.ModelRecord)
async def describe_model(request: Request, name: str, body: wire.ModelPatch) -> wire.ModelRecord:
    """Changes a model's description and tags."""
    caller, descriptions = exchange_of(request).caller, gateway_of(request).descriptions
    return wire.ModelRecord.found(await descriptions.describe_model(caller, model_name(name), body.change()))


@router.delete("/models/{name}", status_code=204, response_model=None)
async def delete_model(request: Request, name: str, why: _Why = "") -> Response:
    """Refused while it has an alias, or something needs one of its versions."""
    caller = exchange_of(request).caller
    await gateway_of(request).descriptions.delete_model(caller, model_name(name), _words(why))
    return Response(status_code=204)


@router.post("/models/{name}/rename", response_model=wire.ModelRecord)
async def rename_model(request: Request, name: str, body: wire.RenameBody) -> wire.ModelRecord:
    """Gives a model another name; nothing answers to the old one any more."""
    caller, descriptions = exchange_of(request).caller, gateway_of(request).descriptions
    renamed = await descriptions.rename_model(caller, model_name(name), model_name(body.to, "to"))
    return wire.ModelRecord.found(renamed)


@router.get("/versions", response_model=wire.FoundVersions)
async def search_versions(
    request: Request,
    asked: _Asked = "",
    order_by: _OrderBy = "",
    page_size: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE})] = 100,
    page_token: str = "",
) -> wire.FoundVersions:
    """Versions of all models that a filter holds of, by name, the newest first."""
    search = search_of(asked, order_by, page_size, page_token)
    found = await gateway_of(request).descriptions.search_versions(exchange_of(request).caller, search)
    versions = [wire.found_version(each) for each in found.records]
    return wire.FoundVersions(versions=versions, next_page_token=found.next_page_token)


@router.get(_PATH, response_model=wire.VersionRecord)
async def get_version(request: Request, name: str, version: _Version) -> wire.VersionRecord:
    """One version, with all that is said of it."""
    _VERSION.check("version", version)
    caller, descriptions = exchange_of(request).caller, gateway_of(request).descriptions
    return wire.version_record(await descriptions.get_version(caller, model_name(name), version))


@router.get(f"{_PATH}/card", response_model=None, response_class=Response, responses=texts("text/markdown"))
async def get_card(request: Request, name: str, version: _Version) -> Response:
    """What its author wrote in Markdown, and after it what the platform knows."""
    _VERSION.check("version", version)
    card = await gateway_of(request).descriptions.card(exchange_of(request).caller, model_name(name), version)
    return Response(card, media_type="text/markdown; charset=utf-8")


@router.patch(_PATH, response_model=wire.VersionRecord)
async def describe_version(
    request: Request, name: str, version: _Version, body: wire.VersionPatch
) -> wire.VersionRecord:
    """Changes what is said of a version; its files never change."""
    _VERSION.check("version", version)
    signature = body.signature
    text = None if signature is None else json.dumps(signature) if signature else ""
    caller, descriptions = exchange_of(request).caller, gateway_of(request).descriptions
    change = body.change(text)
    return wire.version_record(await descriptions.describe_version(caller, model_name(name), version, change))


@router.delete(_PATH, status_code=204, response_model=None)
async def delete_version(request: Request, name: str, version: _Version, why: _Why = "") -> Response:
    """Refused while an alias, a rollout under way or an adapter needs it. Its number is never given again."""
    _VERSION.check("version", version)
    caller = exchange_of(request).caller
    await gateway_of(request).descriptions.delete_version(caller, model_name(name), version, _words(why))
    return Response(status_code=204)


def _words(why: str) -> str:
    return check_text(why, "why", MAX_WHY_BYTES, allow_empty=True, controls="text")
