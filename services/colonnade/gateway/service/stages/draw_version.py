"""Which version answers: decided once, here, by the alias's weights."""

import hashlib
from dataclasses import replace
from random import Random

from colonnade.errors import NotFound
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.models import Resolution, Target
from colonnade.gateway.domain.texts import EmbeddingSpec
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.resolver import Resolver


class DrawVersion(Stage):
    """Sticky for a ``user``, else random. No more tokens than the version's context holds are asked of it."""

    def __init__(self, resolver: Resolver, rng: Random) -> None:
        self._resolver = resolver
        self._rng = rng

    async def before(self, exchange: Exchange) -> None:
        spec = exchange.wanted
        resolution, fresh = await self._resolver.resolve(
            exchange.caller, spec.model, spec.model_size, embeds=isinstance(spec, EmbeddingSpec)
        )
        if not fresh:
            exchange.degraded.append("registry")
        point = (
            sticky_point(resolution, exchange.principal.tenant, spec.user)
            if spec.user
            else self._rng.random()
        )
        exchange.target = target = draw(resolution, point)
        if isinstance(spec, GenerationSpec) and 0 < target.context_length < spec.max_tokens:
            exchange.spec = replace(spec, max_tokens=target.context_length)


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
