"""``/mlflow/api/2.0/mlflow/registered-models``: models and their aliases."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from colonnade.gateway.domain.catalogue import ModelChange
from colonnade.gateway.http.mlflow import answers, bodies, checks
from colonnade.gateway.http.mlflow.checks import MOST_MODELS
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.service.mlflow import RegisteredModels
from colonnade.gateway.service.mlflow.sources import version_number
from colonnade.security.inputs import alias_name, model_name

PREFIX = "/mlflow/api/2.0/mlflow"
router = APIRouter(route_class=GuardedRoute, prefix=f"{PREFIX}/registered-models", tags=["mlflow"])
Name = Annotated[str, Query(description="The model's.")]
OrderBy = Annotated[list[str], Query(description="A field, and ASC or DESC.")]


def _models(request: Request) -> RegisteredModels:
    return gateway_of(request).mlflow.models


@router.post("/create", response_model=answers.RegisteredModelAnswer)
async def create_registered_model(
    request: Request, body: bodies.CreateModelBody
) -> answers.RegisteredModelAnswer:
    """A model without versions."""
    name, text, tags = model_name(body.name), checks.description(body.description), checks.tags(body.tags)
    made = await _models(request).create(exchange_of(request).caller, name, text, tags)
    return answers.RegisteredModelAnswer.of(made)


@router.get("/get", response_model=answers.RegisteredModelAnswer)
async def get_registered_model(request: Request, name: Name) -> answers.RegisteredModelAnswer:
    """One model, with the newest version of each stage."""
    found = await _models(request).get(exchange_of(request).caller, model_name(name))
    return answers.RegisteredModelAnswer.of(found)


@router.post("/rename", response_model=answers.RegisteredModelAnswer)
async def rename_registered_model(request: Request, body: bodies.RenameBody) -> answers.RegisteredModelAnswer:
    """Its versions and aliases go along."""
    name, to = model_name(body.name), model_name(body.new_name, "new_name")
    return answers.RegisteredModelAnswer.of(
        await _models(request).rename(exchange_of(request).caller, name, to)
    )


@router.patch("/update", response_model=answers.RegisteredModelAnswer)
async def update_registered_model(
    request: Request, body: bodies.DescribeBody
) -> answers.RegisteredModelAnswer:
    """Says something else of it."""
    text = None if body.description is None else checks.description(body.description)
    change = ModelChange(description=text)
    changed = await _models(request).describe(exchange_of(request).caller, model_name(body.name), change)
    return answers.RegisteredModelAnswer.of(changed)


@router.delete("/delete", response_model=answers.Done)
async def delete_registered_model(request: Request, body: bodies.NamedBody) -> answers.Done:
    """With all its versions; refused while something needs it."""
    await _models(request).delete(exchange_of(request).caller, model_name(body.name))
    return answers.Done()


@router.get("/search", response_model=answers.RegisteredModels)
async def search_registered_models(
    request: Request,
    filter: str = "",  # noqa: A002 # MLflow's name
    max_results: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": MOST_MODELS})] = 100,
    order_by: OrderBy = [],  # noqa: B006 # FastAPI copies it
    page_token: str = "",
) -> answers.RegisteredModels:
    """Models that meet a filter, by name unless `order_by` says otherwise."""
    asked = checks.asked(filter, order_by, max_results, page_token, MOST_MODELS)
    found, token = await _models(request).search(exchange_of(request).caller, asked)
    shown = [answers.RegisteredModel.of(each) for each in found]
    return answers.RegisteredModels(registered_models=shown, next_page_token=token)


@router.post("/get-latest-versions", response_model=answers.ModelVersions)
async def get_latest_versions(request: Request, body: bodies.LatestBody) -> answers.ModelVersions:
    """The newest version of each stage."""
    name, stages = model_name(body.name), body.stages or []
    found = await _models(request).latest(exchange_of(request).caller, name, stages)
    return answers.ModelVersions(model_versions=[answers.ModelVersion.of(each) for each in found])


@router.post("/set-tag", response_model=answers.Done)
async def set_registered_model_tag(request: Request, body: bodies.TagBody) -> answers.Done:
    """One of its tags."""
    change = ModelChange(set_tags={body.key: body.value})
    await _models(request).describe(exchange_of(request).caller, model_name(body.name), change)
    return answers.Done()


@router.delete("/delete-tag", response_model=answers.Done)
async def delete_registered_model_tag(request: Request, body: bodies.UntagBody) -> answers.Done:
    """Without a word where there is none."""
    change = ModelChange(remove_tags=(body.key,))
    await _models(request).describe(exchange_of(request).caller, model_name(body.name), change)
    return answers.Done()


@router.post("/alias", response_model=answers.Done)
async def set_registered_model_alias(request: Request, body: bodies.AliasBody) -> answers.Done:
    """Has an alias mean one version."""
    name, alias, version = model_name(body.name), alias_name(body.alias), version_number(body.version)
    await _models(request).set_alias(exchange_of(request).caller, name, alias, version)
    return answers.Done()


@router.delete("/alias", response_model=answers.Done)
async def delete_registered_model_alias(request: Request, body: bodies.UnaliasBody) -> answers.Done:
    """Takes an alias away; the versions stay."""
    name, alias = model_name(body.name), alias_name(body.alias)
    await _models(request).delete_alias(exchange_of(request).caller, name, alias)
    return answers.Done()


@router.get("/alias", response_model=answers.ModelVersionAnswer)
async def get_model_version_by_alias(
    request: Request, name: Name, alias: Annotated[str, Query(description="One of the model's.")]
) -> answers.ModelVersionAnswer:
    """The version that an alias means: of several the one with most weight."""
    caller = exchange_of(request).caller
    found = await _models(request).by_alias(caller, model_name(name), alias_name(alias))
    return answers.ModelVersionAnswer.of(found)
