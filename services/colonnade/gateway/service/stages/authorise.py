"""Whether they may."""

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.doorkeeper import Doorkeeper
from colonnade.gateway.service.pipeline import Stage


class Authorise(Stage):
    """Looks the route up in the access table; what is not listed is denied."""

    def __init__(self, doorkeeper: Doorkeeper) -> None:
        self._doorkeeper = doorkeeper

    async def before(self, exchange: Exchange) -> None:
        if not self._doorkeeper.is_public(exchange.route):
            self._doorkeeper.authorise(exchange.principal, exchange.route)
