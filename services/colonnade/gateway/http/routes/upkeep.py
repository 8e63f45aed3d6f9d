"""``/registry``: files that nothing names, and backups."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request

from colonnade.errors import Unavailable
from colonnade.gateway.domain import upkeep as domain
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_upkeep as wire
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.gateway.http.streaming import Answer
from colonnade.security.inputs import check_text

router = APIRouter(route_class=GuardedRoute, tags=["registry"])
_MAX_PLACE_BYTES = 1024
_KEEP = Range(0, 10_000)


@router.post("/registry/gc", response_model=None, responses=answers(wire.Collected, wire.COLLECT_EVENTS))
async def collect_garbage(request: Request, body: wire.CollectBody | None = None) -> Answer[domain.Collected]:
    """Removes files that no version and no upload names, and none has for the grace period."""
    exchange = _patient(request)
    asked = body or wire.CollectBody()
    steps = gateway_of(request).upkeep.collect(exchange.caller, dry_run=asked.dry_run)
    return Answer(exchange, steps, _Collect(), stream=_streams(request))


@router.post("/registry/backup", response_model=None, responses=answers(wire.BackedUp, wire.BACKUP_EVENTS))
async def back_up(request: Request, body: wire.BackupBody | None = None) -> Answer[domain.BackedUp]:
    """Copies the registry's records as they are now, and every file that the place does not have yet."""
    exchange = _patient(request)
    asked = body or wire.BackupBody()
    to = check_text(asked.to, "to", _MAX_PLACE_BYTES, allow_empty=True, controls="line")
    _KEEP.check("keep", asked.keep)
    steps = gateway_of(request).upkeep.back_up(exchange.caller, to, asked.keep)
    return Answer(exchange, steps, _Backup(), stream=_streams(request))


def _patient(request: Request) -> Exchange:
    exchange = exchange_of(request)
    exchange.deadline = time.monotonic() + options_of(request).import_seconds
    return exchange


def _streams(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")


class _Collect:
    status = 200

    def headers(self) -> Mapping[str, str]:
        return {}

    def events(self, item: domain.Collected) -> Iterator[Mapping[str, Any]]:
        yield wire.Collected.model_validate(item, from_attributes=True).model_dump(mode="json")

    def whole(self, items: list[domain.Collected]) -> Mapping[str, Any]:
        return next(self.events(_last(items)))


class _Backup:
    status = 200

    def headers(self) -> Mapping[str, str]:
        return {}

    def events(self, item: domain.BackedUp) -> Iterator[Mapping[str, Any]]:
        yield wire.BackedUp.model_validate(item, from_attributes=True).model_dump(mode="json")

    def whole(self, items: list[domain.BackedUp]) -> Mapping[str, Any]:
        return next(self.events(_last(items)))


def _last(items: list[Any]) -> Any:
    if not items:
        raise Unavailable("the answer broke off; try again", retry_after_seconds=1)
    return items[-1]
