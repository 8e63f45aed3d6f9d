"""Fair use: what a request may take is taken before it runs, and put right once it has ended."""

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.fair_use import FairUse
from colonnade.gateway.service.pipeline import Stage


class TurnAway(Stage):
    """Stands before whatever costs something: a flood of requests is refused from memory."""

    def __init__(self, fair_use: FairUse) -> None:
        self._fair_use = fair_use

    async def before(self, exchange: Exchange) -> None:
        self._fair_use.turn_away(exchange)


class Limit(Stage):
    """Stands below DrawVersion: limits are on models too, and a context bounds what can be generated."""

    def __init__(self, fair_use: FairUse) -> None:
        self._fair_use = fair_use

    async def before(self, exchange: Exchange) -> None:
        grant = await self._fair_use.admit(exchange)
        exchange.tally.when_closed(lambda: self._fair_use.settle(exchange, grant))

    async def after(self, exchange: Exchange) -> None:
        """A stream that was left is settled by whoever reads the rest of it."""
        if not exchange.tally.held:
            exchange.tally.close()
