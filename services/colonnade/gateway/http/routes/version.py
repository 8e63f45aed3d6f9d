"""``GET /version``."""

from fastapi import APIRouter
from pydantic import BaseModel

from colonnade.gateway.http.route import GuardedRoute
from colonnade.telemetry.traces import version as installed_version

router = APIRouter(route_class=GuardedRoute, tags=["health"])


class VersionOut(BaseModel):
    name: str
    version: str


@router.get("/version", response_model=VersionOut)
async def version() -> VersionOut:
    """The release of the platform that answers."""
    return VersionOut(name="colonnade", version=installed_version())
