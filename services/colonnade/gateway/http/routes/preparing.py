"""``POST /models/{name}/prepare``: a version loaded ahead of its first request."""

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from colonnade.errors import Unavailable
from colonnade.gateway.domain.engines import Preparation
from colonnade.gateway.http import wire_preparing as wire
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.gateway.http.streaming import Answer
from colonnade.security.inputs import model_reference

router = APIRouter(route_class=GuardedRoute, tags=["models"])
_Reference = Annotated[str, Path(description="name (its alias production), name@alias or name:version.")]


@router.post(
    "/models/{name}/prepare", response_model=None, responses=answers(wire.PreparedVersions, wire.EVENTS)
)
async def prepare_model(request: Request, name: _Reference) -> Answer[Preparation]:
    """Has an engine load it; answers when it has. With `Accept: text/event-stream`, shows that it goes on."""
    exchange = exchange_of(request)
    exchange.deadline = time.monotonic() + options_of(request).import_seconds
    steps = gateway_of(request).preparing.prepare(exchange.caller, model_reference(name, "name"))
    stream = "text/event-stream" in request.headers.get("accept", "")
    return Answer(exchange, steps, _Preparation(), stream=stream)


class _Preparation:
    status = 200

    def headers(self) -> Mapping[str, str]:
        return {}

    def events(self, item: Preparation) -> Iterator[Mapping[str, Any]]:
        yield wire.PrepareEvent.of(item).model_dump()

    def whole(self, items: list[Preparation]) -> Mapping[str, Any]:
        loaded = [wire.PreparedVersion.of(item) for item in items if item.loaded]
        if not loaded:
            raise Unavailable("loading broke off; try again", retry_after_seconds=1)
        return wire.PreparedVersions(versions=loaded).model_dump()
