"""Background work lets others go first."""

from dataclasses import replace

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.pipeline import Stage


class GiveWay(Stage):
    """Lowers a priority that is higher than the exchange may have."""

    async def before(self, exchange: Exchange) -> None:
        most = exchange.most_priority
        if most is not None and exchange.asked.priority > most:
            exchange.spec = replace(exchange.asked, priority=most)
