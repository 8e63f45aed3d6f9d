"""Who answers where the drawn version cannot, and who gets a copy."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.models import Target
from colonnade.gateway.domain.stand_ins import Shadow
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.stages.draw_version import draw
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_HUNDRED = 100.0


class StandIns(Stage):
    """Stands behind DrawVersion. A stand-in that cannot be found now is left out: no request fails for it.

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
        references = self._fallbacks.get(target.name, ())
        shadow = self._shadows.get(target.name)
        if references:
            found = [await self._found(exchange, target, each) for each in references]
            target = replace(target, fallbacks=tuple(each for each in found if each))
        if shadow and self._rng.random() * _HUNDRED < shadow.percent:
            target = replace(target, shadow=await self._found(exchange, target, shadow.reference))
        exchange.target = target

    async def _found(self, exchange: Exchange, target: Target, reference: str) -> Target | None:
        """The version of a reference; None where there is none, or it is the same."""
        try:
            resolution, _ = await self._resolver.resolve(exchange.caller, reference, "")
            other = draw(resolution, self._rng.random())
        except ColonnadeError as error:
            _LOG.warning("stand-in left out", model=target.name, reference=reference, code=error.code)
            return None
        return None if other.base or other.digest == target.digest else other
