"""Under a flood, most requests are refused here, from memory."""

from colonnade.errors import Overloaded
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.fullness import Fullness
from colonnade.gateway.service.pipeline import Stage
from colonnade.telemetry.metrics import counter

_SHED = counter("gateway_shed", "requests", "Requests refused because their version was full a moment ago")


class Shed(Stage):
    """Stands behind StandIns: what has a fallback may still be answered by that."""

    def __init__(self, fullness: Fullness) -> None:
        self._fullness = fullness

    async def before(self, exchange: Exchange) -> None:
        target = exchange.target
        if target is None or target.fallbacks:
            return
        try:
            self._fullness.check(target.digest, exchange.asked.priority)
        except Overloaded:
            _SHED.inc()
            raise
