"""Which version answers: decided once, here, by the alias's weights."""

import hashlib
from dataclasses import replace
from random import Random

from colonnade.errors import InvalidArgument, NotFound
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.models import Resolution, Target
from colonnade.gateway.domain.texts import EmbeddingSpec
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.resolver import Resolver


class DrawVersion(Stage):
    """Sticky for a ``user``, else random; with an adapter, the version that it belongs to.

    No more tokens than the version's context holds are asked of it."""

    def __init__(self, resolver: Resolver, rng: Random) -> None:
        self._resolver = resolver
        self._rng = rng

    async def before(self, exchange: Exchange) -> None:
        spec = exchange.wanted
        adapter = await self._adapter(exchange, spec.adapter)
        if adapter and not (spec.model or spec.model_size):
            target, fresh = await self._resolver.version(exchange.caller, adapter.base)
        else:
            resolution, fresh = await self._resolver.resolve(
                exchange.caller, spec.model, spec.model_size, embeds=isinstance(spec, EmbeddingSpec)
            )
            target = self._drawn(exchange, fitting(resolution, adapter) if adapter else resolution)
            if adapter is None:  # else what comes is the adapter's doing as well
                exchange.watched = resolution.watched
        _note(exchange, fresh)
        if target.base:
            # An adapter named as the model; were there another one beside it, it would not have fitted.
            adapter = target
            target, fresh = await self._resolver.version(exchange.caller, adapter.base)
            _note(exchange, fresh)
        exchange.target = target = replace(target, adapter=adapter)
        if isinstance(spec, GenerationSpec) and 0 < target.context_length < spec.max_tokens:
            exchange.spec = replace(spec, max_tokens=target.context_length)

    async def _adapter(self, exchange: Exchange, reference: str) -> Target | None:
        if not reference:
            return None
        try:
            resolution, fresh = await self._resolver.resolve(exchange.caller, reference, "")
            adapter = self._drawn(exchange, resolution)
            exchange.watched = resolution.watched
        except NotFound as error:
            raise NotFound(error.message, **error.details | {"field": "adapter"}) from None
        if not adapter.base:
            raise InvalidArgument(f"{adapter.label} is a model, not an adapter", field="adapter")
        _note(exchange, fresh)
        return adapter

    def _drawn(self, exchange: Exchange, resolution: Resolution) -> Target:
        user = exchange.wanted.user
        point = sticky_point(resolution, exchange.principal.tenant, user) if user else self._rng.random()
        return draw(resolution, point)


def _note(exchange: Exchange, fresh: bool) -> None:
    if not fresh and "registry" not in exchange.degraded:
        exchange.degraded.append("registry")


def fitting(resolution: Resolution, adapter: Target) -> Resolution:
    """Of the versions behind a reference, the one the adapter belongs to; ``InvalidArgument`` if none."""
    targets = tuple(target for target in resolution.targets if target.digest == adapter.base)
    if not targets:
        raise InvalidArgument(
            f"{adapter.label} belongs to another version than {resolution.name} means; leave model out to "
            "have the one that it belongs to",
            field="adapter",
        )
    return replace(resolution, targets=targets)


def draw(resolution: Resolution, point: float) -> Target:
    """The target that ``point`` in [0, 1) falls on.

    Targets are laid out by version, so that moving weight between two versions moves no user between others.
    """
    targets = sorted(
        (target for target in resolution.targets if target.weight > 0), key=lambda target: target.version
    )
    if not targets:
        raise NotFound(f"no version of {resolution.name} takes requests now", field="model")
    total = sum(target.weight for target in targets)
    passed = 0
    for target in targets:
        passed += target.weight
        if point * total < passed:
            return target
    return targets[-1]


def sticky_point(resolution: Resolution, tenant: str, user: str) -> float:
    """The same point for the same user of the same alias, spread evenly over users."""
    digest = hashlib.sha256("\0".join((resolution.name, resolution.alias, tenant, user)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
