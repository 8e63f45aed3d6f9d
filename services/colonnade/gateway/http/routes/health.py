"""``/health``: whether the process lives, and whether requests would be answered."""

import asyncio

from fastapi import APIRouter, Request
from pydantic import BaseModel

from colonnade.errors import Unavailable
from colonnade.gateway.http.route import GuardedRoute, gateway_of
from colonnade.gateway.service.gateway import Gateway

# A gateway without a model must be sent requests all the same: the first import comes through it.
_FOR_INFORMATION = frozenset({"model"})

router = APIRouter(route_class=GuardedRoute, prefix="/health", tags=["health"])


class Live(BaseModel):
    status: str = "live"


class Ready(BaseModel):
    status: str = "ready"
    parts: dict[str, str]


@router.get("/live", response_model=Live)
async def live() -> Live:
    """The process answers."""
    return Live()


@router.get("/ready", response_model=Ready)
async def ready(request: Request) -> Ready:
    """Registry and inference answer, else 503 and which part is not ready; says whether there is a model."""
    return Ready(parts=await ready_parts(gateway_of(request)))


async def ready_parts(gateway: Gateway) -> dict[str, str]:
    """What requests need, and how it is; ``Unavailable`` where they would not be answered."""
    probes = gateway.probes
    found = await asyncio.gather(*(probe.check() for probe in probes))
    parts = {probe.name: wrong or "ready" for probe, wrong in zip(probes, found, strict=True)}
    missing = [name for name, state in parts.items() if state != "ready" and name not in _FOR_INFORMATION]
    if missing:
        raise Unavailable(f"not ready: {', '.join(missing)}", parts=parts, retry_after_seconds=1)
    return parts
