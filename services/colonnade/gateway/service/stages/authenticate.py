"""Who asks."""

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.doorkeeper import Doorkeeper
from colonnade.gateway.service.pipeline import Stage


class Authenticate(Stage):
    """Turns the API key, or its absence on an open gateway, into a principal. Public routes ask nobody."""

    def __init__(self, doorkeeper: Doorkeeper) -> None:
        self._doorkeeper = doorkeeper

    async def before(self, exchange: Exchange) -> None:
        if self._doorkeeper.is_public(exchange.route):
            return
        exchange.identity, exchange.pinned = await self._doorkeeper.identify(exchange.credential)
        exchange.credential = ""  # nobody else needs the secret
