"""For whom."""

from dataclasses import replace

from colonnade.errors import PermissionDenied
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.pipeline import Stage


class SpeakFor(Stage):
    """Takes the request's ``user`` as the subject, unless the key speaks for one subject only."""

    async def before(self, exchange: Exchange) -> None:
        speak_for(exchange, exchange.wanted.user, "user")


def speak_for(exchange: Exchange, subject: str, field: str) -> None:
    """Takes ``subject`` as who asks, if there is one. ``PermissionDenied`` where the key is another's."""
    principal = exchange.principal
    if not subject or subject == principal.subject:
        return
    if exchange.pinned:
        raise PermissionDenied(
            f"{field} must be left out or be the subject that this API key was made for", field=field
        )
    exchange.identity = replace(principal, subject=subject)
