"""Who answers where the drawn version cannot, and who gets a copy."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.models import Target, Watched
from colonnade.gateway.domain.stand_ins import MAX_FALLBACKS, Shadow
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.stages.draw_version import draw
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_HUNDRED = 100.0


class StandIns(Stage):
    """Stands behind DrawVersion. Settings name stand-ins, a rollout under way brings its own. One that cannot
    be found now is left out: no request fails for it.

    A request with an adapter has none, since the adapter belongs to its version alone."""

    def __init__(
        self,
        resolver: Resolver,
        rng: Random,
        fallbacks: Mapping[str, tuple[str, ...]],
        shadows: Mapping[str, Shadow],
    ) -> None:
        self._resolver = resolver
        self._rng = rng
        self._fallbacks = fallbacks
        self._shadows = shadows

    async def before(self, exchange: Exchange) -> None:
        target = exchange.target
        if target is None or target.adapter or not isinstance(exchange.spec, GenerationSpec):
            return
        found = [
            _stable(exchange.watched, target),
            *[await self._found(exchange, target, each) for each in self._fallbacks.get(target.name, ())],
        ]
        fallbacks = {each.digest: each for each in found if each}.values()
        shadow = await self._copied(exchange, target)
        exchange.target = replace(target, fallbacks=tuple(fallbacks)[:MAX_FALLBACKS], shadow=shadow)

    async def _copied(self, exchange: Exchange, target: Target) -> Target | None:
        """Who gets a copy: a rollout's candidate goes before what the settings say."""
        watched, shadow = exchange.watched, self._shadows.get(target.name)
        if watched and not watched.draws(target) and self._drawn(watched.shadow_percent):
            return watched.candidate
        if shadow and self._drawn(shadow.percent):
            return await self._found(exchange, target, shadow.reference)
        return None

    def _drawn(self, percent: float) -> bool:
        return percent > 0 and self._rng.random() * _HUNDRED < percent

    async def _found(self, exchange: Exchange, target: Target, reference: str) -> Target | None:
        """The version of a reference; None where there is none, or it is the same."""
        try:
            resolution, _ = await self._resolver.resolve(exchange.caller, reference, "")
            other = draw(resolution, self._rng.random())
        except ColonnadeError as error:
            _LOG.warning("stand-in left out", model=target.name, reference=reference, code=error.code)
            return None
        return None if other.base or other.digest == target.digest else other


def _stable(watched: Watched | None, target: Target) -> Target | None:
    """What answers where a rollout's candidate was drawn and fails."""
    stable = watched.stable if watched and watched.draws(target) else None
    return stable if stable and stable.digest != target.digest else None
