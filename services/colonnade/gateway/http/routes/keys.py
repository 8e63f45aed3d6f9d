"""``/keys``: who may call, and as whom."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from colonnade.gateway.http import wire_keys as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.security.inputs import idempotency_key

router = APIRouter(route_class=GuardedRoute, tags=["keys"])
_KeyId = Annotated[str, Path(alias="id", description="The part between the underscores of a key.")]


@router.post("/keys", status_code=201, response_model=wire.NewKey)
async def create_key(request: Request, body: wire.KeyBody, key: IdempotencyKey = None) -> wire.NewKey:
    """Makes a key and shows it, this once. The first one closes the gateway to callers without a key."""
    caller = exchange_of(request).caller
    order = body.order(caller.principal.tenant, _idempotency(key))
    return wire.NewKey.issued(await gateway_of(request).keys.create(caller, order))


@router.get("/keys", response_model=wire.Keys)
async def list_keys(request: Request) -> wire.Keys:
    """Keys without their secrets, newest first."""
    records = await gateway_of(request).keys.records(exchange_of(request).principal)
    return wire.Keys(keys=[wire.Key.of(record) for record in records])


@router.delete("/keys/{id}", status_code=204, response_model=None)
async def revoke_key(request: Request, key_id: _KeyId) -> Response:
    """Refuses the key from now on."""
    await gateway_of(request).keys.revoke(exchange_of(request).caller, key_id)
    return Response(status_code=204)


@router.post("/keys/{id}/rotate", status_code=201, response_model=wire.NewKey)
async def rotate_key(
    request: Request, key_id: _KeyId, body: wire.RotateBody | None = None, key: IdempotencyKey = None
) -> wire.NewKey:
    """Makes a successor with the same scope and shows it, this once."""
    keys = gateway_of(request).keys
    grace = body.grace() if body else 0
    issued = await keys.rotate(exchange_of(request).caller, key_id, grace, _idempotency(key))
    return wire.NewKey.issued(issued)


def _idempotency(key: str | None) -> str:
    return "" if key is None else idempotency_key(key)
