"""``GET /v1/models``: what can be named as ``model``."""

from typing import Any

from fastapi import APIRouter, Request

from colonnade.gateway.domain.models import Model
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.openai.wire_answers import ModelList, ModelObject
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.security.inputs import model_reference

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["openai"])
_OWNER = "colonnade"
_DEFAULT = "production"


@router.get("/models", response_model=None, responses=answers(ModelList))
async def list_models(request: Request) -> dict[str, Any]:
    """Every model and adapter, and every alias of each."""
    models = await gateway_of(request).models.all(exchange_of(request).caller)
    return {"object": "list", "data": [_shown(model, name) for model in models for name in names_of(model)]}


@router.get("/models/{model}", response_model=None, responses=answers(ModelObject))
async def get_model(request: Request, model: str) -> dict[str, Any]:
    """One of them, by `name`, `name@alias` or `name:version`."""
    reference, caller = model_reference(model, "model"), exchange_of(request).caller
    return _shown(await gateway_of(request).models.referred(caller, reference), reference)


def names_of(model: Model) -> list[str]:
    """What a model is asked for by: its name alone means the alias production."""
    aliases = sorted(alias.name for alias in model.aliases)
    return [model.name if alias == _DEFAULT else f"{model.name}@{alias}" for alias in aliases]


def _shown(model: Model, name: str) -> dict[str, Any]:
    created = int(model.created_at.timestamp()) if model.created_at else 0
    return {"id": name, "object": "model", "created": created, "owned_by": _OWNER}
