"""For whom."""

from dataclasses import replace

from colonnade.errors import PermissionDenied
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.pipeline import Stage


class SpeakFor(Stage):
    """Takes the request's ``user`` as the subject, unless the key speaks for one subject only."""

    async def before(self, exchange: Exchange) -> None:
        user = exchange.wanted.user
        principal = exchange.principal
        if not user or user == principal.subject:
            return
        if exchange.pinned:
            raise PermissionDenied(
                "user must be left out or be the subject that this API key was made for", field="user"
            )
        exchange.identity = replace(principal, subject=user)
