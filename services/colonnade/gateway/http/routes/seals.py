"""``/models/{name}/seals`` and ``/models/{name}/versions/{version}/seal``: signatures over versions."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_seals as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.security.inputs import model_name
from colonnade.security.inputs.catalogue import MAX_VERSION

router = APIRouter(route_class=GuardedRoute, tags=["models"])
_VERSION = Range(1, MAX_VERSION)
_Version = Annotated[int, Path(json_schema_extra={"minimum": 1})]
_PATH = "/models/{name}/versions/{version}/seal"


@router.get("/models/{name}/seals", response_model=wire.SealsOut)
async def list_seals(request: Request, name: str) -> wire.SealsOut:
    """Which versions are signed, by which key, and the public key to check new ones with."""
    found = await gateway_of(request).seals.list_seals(exchange_of(request).caller, model_name(name))
    return wire.SealsOut.of(found)


@router.get(_PATH, response_model=wire.SealDetailOut)
async def get_seal(request: Request, name: str, version: _Version) -> wire.SealDetailOut:
    """A version's seal, to be checked by anyone who has its files."""
    _VERSION.check("version", version)
    caller, seals = exchange_of(request).caller, gateway_of(request).seals
    return wire.SealDetailOut.of(await seals.get(caller, model_name(name), version))


@router.post(_PATH, response_model=wire.SealOut)
async def sign_version(request: Request, name: str, version: _Version) -> wire.SealOut:
    """Signs a version with the key of now, instead of the seal that it has."""
    _VERSION.check("version", version)
    caller, seals = exchange_of(request).caller, gateway_of(request).seals
    return wire.SealOut.of(await seals.sign(caller, model_name(name), version))
