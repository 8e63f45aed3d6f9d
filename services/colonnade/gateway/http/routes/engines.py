"""``GET /engines``: who answers, and why others do not."""

from fastapi import APIRouter, Request

from colonnade.gateway.http import wire_engines as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of

router = APIRouter(route_class=GuardedRoute, tags=["engines"])


@router.get("/engines", response_model=wire.Engines)
async def list_engines(request: Request) -> wire.Engines:
    """The engines, what they have in memory, how busy they are, and which of them are left out."""
    engines = await gateway_of(request).engines.list_engines(exchange_of(request).caller)
    return wire.Engines(engines=[wire.Engine.of(each) for each in engines])
