"""``GET /metrics``: for Prometheus."""

from fastapi import APIRouter, Response

from colonnade.gateway.http.described import texts
from colonnade.gateway.http.route import GuardedRoute
from colonnade.telemetry.metrics import exposition

router = APIRouter(route_class=GuardedRoute, tags=["health"])


@router.get("/metrics", response_model=None, response_class=Response, responses=texts("text/plain"))
async def metrics() -> Response:
    """All metrics of the gateway in Prometheus' text format."""
    body, kind = exposition()
    return Response(body, headers={"content-type": kind})
