"""``/cache``: answers that are kept."""

from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic import BaseModel

from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.security.inputs import check_text, model_reference

router = APIRouter(route_class=GuardedRoute, tags=["cache"])
_TENANT_BYTES = 64


class CacheOut(BaseModel):
    """Counts are since the inference service started."""

    store: str
    """`memory`, `redis`, or empty where no answers are kept."""
    answers: int
    """In memory; those in Redis are not counted."""
    size_bytes: int
    max_bytes: int
    hits: int
    semantic_hits: int
    joined: int
    misses: int
    evictions: int
    semantic_questions: int
    thresholds: dict[str, float]
    """Of the semantic cache, by the models that have one."""


class Purged(BaseModel):
    answers: int
    """That were forgotten."""


@router.get("/cache", response_model=CacheOut)
async def cache(request: Request) -> CacheOut:
    """What the caches of answers hold, and how often they were of use."""
    state = await gateway_of(request).caches.state(exchange_of(request).caller)
    return CacheOut.model_validate(asdict(state))


@router.delete("/cache", response_model=Purged)
async def purge(request: Request, model: str = "", tenant: str = "") -> Purged:
    """Forgets answers: of a model, of one of its versions, of a tenant, or all."""
    reference = model_reference(model, "model") if model else ""
    whose = check_text(tenant, "tenant", _TENANT_BYTES, allow_empty=True, controls="line")
    caller = exchange_of(request).caller
    return Purged(answers=await gateway_of(request).caches.purge(caller, reference, whose))
