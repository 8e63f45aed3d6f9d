"""``/limits``: what keys, tenants and models may take, and what is left of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from colonnade.gateway.domain.fair_use import Kind
from colonnade.gateway.http import wire_limits as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.security.inputs import model_name, tenant_name

router = APIRouter(route_class=GuardedRoute, tags=["fair use"])
_KeyId = Annotated[str, Path(alias="id", max_length=64, description="The part between a key's underscores.")]


@router.get("/limits", response_model=wire.AllLimits)
async def list_limits(request: Request) -> wire.AllLimits:
    """The defaults, and the limits that differ from them."""
    admin = gateway_of(request).limits
    records = await admin.records(exchange_of(request).principal)
    defaults = {kind.value: wire.QuotaOut(**wire.quota_values(q)) for kind, q in admin.defaults.items()}
    return wire.AllLimits(defaults=defaults, limits=[wire.LimitsOut.of(record) for record in records])


@router.get("/limits/me", response_model=wire.MyLimits)
async def my_limits(
    request: Request, model: Annotated[str | None, Query(description="A model's name.")] = None
) -> wire.MyLimits:
    """What is left to the caller's key and its tenant; with `model`, on that model too."""
    admin, name = gateway_of(request).limits, model_name(model) if model else ""
    found = await admin.mine(exchange_of(request).principal, name)
    return wire.MyLimits(limits=[wire.RemainingOut.of(each) for each in found])


@router.get("/limits/keys/{id}", response_model=wire.LimitsOut)
async def get_key_limits(request: Request, key_id: _KeyId) -> wire.LimitsOut:
    """A key's own limits."""
    return await _get(request, Kind.KEY, "", key_id)


@router.put("/limits/keys/{id}", response_model=wire.LimitsOut)
async def set_key_limits(request: Request, key_id: _KeyId, body: wire.LimitsBody) -> wire.LimitsOut:
    """Gives a key limits of its own, all at once."""
    return await _put(request, Kind.KEY, "", key_id, body)


@router.delete("/limits/keys/{id}", status_code=204, response_model=None)
async def delete_key_limits(request: Request, key_id: _KeyId) -> Response:
    """Has the defaults hold again."""
    return await _delete(request, Kind.KEY, "", key_id)


@router.get("/limits/tenants/{tenant}", response_model=wire.LimitsOut)
async def get_tenant_limits(request: Request, tenant: str) -> wire.LimitsOut:
    """A tenant's own limits, of all its keys together."""
    return await _get(request, Kind.TENANT, tenant_name(tenant), "")


@router.put("/limits/tenants/{tenant}", response_model=wire.LimitsOut)
async def set_tenant_limits(request: Request, tenant: str, body: wire.LimitsBody) -> wire.LimitsOut:
    """Gives a tenant limits of its own, all at once."""
    return await _put(request, Kind.TENANT, tenant_name(tenant), "", body)


@router.delete("/limits/tenants/{tenant}", status_code=204, response_model=None)
async def delete_tenant_limits(request: Request, tenant: str) -> Response:
    """Has the defaults hold again."""
    return await _delete(request, Kind.TENANT, tenant_name(tenant), "")


@router.get("/limits/tenants/{tenant}/models/{model}", response_model=wire.LimitsOut)
async def get_model_limits(request: Request, tenant: str, model: str) -> wire.LimitsOut:
    """A tenant's own limits on one model."""
    return await _get(request, Kind.MODEL, tenant_name(tenant), model_name(model))


@router.put("/limits/tenants/{tenant}/models/{model}", response_model=wire.LimitsOut)
async def set_model_limits(
    request: Request, tenant: str, model: str, body: wire.LimitsBody
) -> wire.LimitsOut:
    """Gives a tenant limits of its own on one model, all at once."""
    return await _put(request, Kind.MODEL, tenant_name(tenant), model_name(model), body)


@router.delete("/limits/tenants/{tenant}/models/{model}", status_code=204, response_model=None)
async def delete_model_limits(request: Request, tenant: str, model: str) -> Response:
    """Has the defaults hold again."""
    return await _delete(request, Kind.MODEL, tenant_name(tenant), model_name(model))


async def _get(request: Request, kind: Kind, tenant: str, name: str) -> wire.LimitsOut:
    principal = exchange_of(request).principal
    return wire.LimitsOut.of(await gateway_of(request).limits.get(principal, kind, tenant, name))


async def _put(request: Request, kind: Kind, tenant: str, name: str, body: wire.LimitsBody) -> wire.LimitsOut:
    caller = exchange_of(request).caller
    return wire.LimitsOut.of(await gateway_of(request).limits.put(caller, kind, tenant, name, body.quota()))


async def _delete(request: Request, kind: Kind, tenant: str, name: str) -> Response:
    await gateway_of(request).limits.delete(exchange_of(request).caller, kind, tenant, name)
    return Response(status_code=204)
