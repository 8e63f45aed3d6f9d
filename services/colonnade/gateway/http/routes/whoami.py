"""``GET /whoami``."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of

router = APIRouter(route_class=GuardedRoute, tags=["keys"])


class WhoAmIOut(BaseModel):
    tenant: str
    subject: str = Field(description="Of a key without a subject of its own: `key:` and its id.")
    key: str | None = Field(description="The key's id; null where the gateway asked for none.")
    roles: list[str]
    may: list[str] = Field(description="The routes that the caller may call, as in `POST /generate`.")


@router.get("/whoami", response_model=WhoAmIOut)
async def whoami(request: Request) -> WhoAmIOut:
    """As whom the caller is let in, and what it may do. Before the first key, that is the local admin."""
    principal = exchange_of(request).principal
    return WhoAmIOut(
        tenant=principal.tenant,
        subject=principal.subject,
        key=principal.key_id or None,
        roles=sorted(role.value for role in principal.roles),
        may=gateway_of(request).doorkeeper.open_to(principal),
    )
