"""``/models``: what can answer, how it came in, and which version an alias means."""

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.gateway.domain import models as domain
from colonnade.gateway.domain.catalogue import Search
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_catalogue as said
from colonnade.gateway.http import wire_models as wire
from colonnade.gateway.http.described import answers, streamed
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.gateway.http.searching import search_of
from colonnade.gateway.http.streaming import Answer
from colonnade.security.inputs import (
    alias_name,
    check_count,
    check_text,
    idempotency_key,
    model_name,
    model_reference,
)
from colonnade.security.inputs.catalogue import (
    MAX_ALIAS_TARGETS,
    MAX_DESCRIPTION_BYTES,
    MAX_PAGE_SIZE,
    MAX_SOURCE_BYTES,
    MAX_VERSION,
)

router = APIRouter(route_class=GuardedRoute, tags=["models"])
_WEIGHT = Range(1, 100)
_VERSION = Range(1, MAX_VERSION)
_REVISION = Range(0, 2**63 - 1)
IdempotencyKey = Annotated[str | None, Header(alias="idempotency-key")]


@router.get("/models", response_model=said.FoundModels | wire.Models)
async def list_models(
    request: Request,
    asked: Annotated[
        str, Query(alias="filter", description="As in `name LIKE 'smol%' AND tags.team = 'x'`.")
    ] = "",
    order_by: Annotated[str, Query(description="As in `updated_at DESC`.")] = "",
    page_size: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE})] = 100,
    page_token: str = "",
) -> wire.Models | said.FoundModels:
    """The models there are; with a filter or an order those that it holds of, with their tags."""
    search = search_of(asked, order_by, page_size, page_token)
    if search.filter or search.order_by:
        return await _found(request, search)
    page = await gateway_of(request).models.page(exchange_of(request).caller, page_size, page_token)
    return wire.Models(
        models=[wire.Model.of(model) for model in page.models], next_page_token=page.next_page_token
    )


@router.get("/models/{name}", response_model=said.ModelDetail)
async def get_model(request: Request, name: str) -> said.ModelDetail:
    """One model, what is said of it, and its versions."""
    caller, gateway = exchange_of(request).caller, gateway_of(request)
    detail = await gateway.models.get(caller, model_name(name))
    record = said.ModelRecord.found(await gateway.descriptions.get_model(caller, name))
    versions = [wire.Version.of(version) for version in detail.versions]
    return said.ModelDetail(**dict(record), versions=versions)


@router.post(
    "/models/import",
    status_code=201,
    response_model=None,
    responses=answers(wire.Imported, status=201) | streamed(wire.IMPORT_EVENTS),
)
async def import_model(
    request: Request, body: wire.ImportBody, key: IdempotencyKey = None
) -> Answer[domain.ImportProgress]:
    """Converts a source into a new version. With `Accept: text/event-stream`, shows its progress."""
    exchange = exchange_of(request)
    exchange.deadline = time.monotonic() + options_of(request).import_seconds
    order = domain.ImportOrder(
        source=check_text(body.source, "source", MAX_SOURCE_BYTES, controls="line"),
        name=model_name(body.name),
        alias=alias_name(body.alias) if body.alias else "",
        description=check_text(
            body.description or "", "description", MAX_DESCRIPTION_BYTES, allow_empty=True, controls="text"
        ),
        idempotency_key=idempotency_key(key) if key is not None else "",
        base=model_reference(body.base, "base") if body.base else "",
    )
    steps = gateway_of(request).models.bring_in(exchange.caller, order)
    stream = "text/event-stream" in request.headers.get("accept", "")
    return Answer(exchange, steps, Import(), stream=stream)


@router.put("/models/{name}/aliases/{alias}", response_model=wire.Alias)
async def set_alias(request: Request, name: str, alias: str, body: wire.AliasBody) -> wire.Alias:
    """Moves an alias to versions with weights, all or nothing."""
    moved = await gateway_of(request).models.set_alias(
        exchange_of(request).caller, model_name(name), alias_name(alias), _targets(body), _revision(body)
    )
    return wire.Alias.of(moved)


@router.delete("/models/{name}/aliases/{alias}", status_code=204, response_model=None)
async def delete_alias(request: Request, name: str, alias: str) -> Response:
    """Takes an alias away; the versions stay."""
    caller = exchange_of(request).caller
    await gateway_of(request).models.delete_alias(caller, model_name(name), alias_name(alias))
    return Response(status_code=204)


async def _found(request: Request, search: Search) -> said.FoundModels:
    found = await gateway_of(request).descriptions.search_models(exchange_of(request).caller, search)
    models = [said.ModelRecord.found(each) for each in found.records]
    return said.FoundModels(models=models, next_page_token=found.next_page_token)


def _targets(body: wire.AliasBody) -> list[domain.AliasTarget]:
    check_count(len(body.targets), MAX_ALIAS_TARGETS, "targets")
    for index, target in enumerate(body.targets):
        _VERSION.check(f"targets[{index}].version", target.version)
        _WEIGHT.check(f"targets[{index}].weight", target.weight)
    total = sum(target.weight for target in body.targets)
    if total != 100:
        raise InvalidArgument(
            f"the weights of targets must add up to 100; they add up to {total}", field="targets", limit=100
        )
    return [domain.AliasTarget(target.version, target.weight) for target in body.targets]


def _revision(body: wire.AliasBody) -> int | None:
    if body.expected_revision is not None:
        _REVISION.check("expected_revision", body.expected_revision)
    return body.expected_revision


class Import:
    """How the progress of an import looks."""

    status = 201

    def headers(self) -> Mapping[str, str]:
        return {}

    def events(self, item: domain.ImportProgress) -> Iterator[Mapping[str, Any]]:
        event: dict[str, Any] = {
            "stage": item.stage,
            "fraction": item.fraction,
            "message": item.message,
        }
        if item.version is not None:
            event["version"] = wire.Version.of(item.version).model_dump(mode="json")
        yield event

    def whole(self, items: list[domain.ImportProgress]) -> Mapping[str, Any]:
        version = items[-1].version if items else None
        if version is None:
            raise Unavailable("the import broke off; try again", retry_after_seconds=1)
        return {"version": wire.Version.of(version).model_dump(mode="json")}
