"""The gateway, as the console reaches it before anybody has signed in."""

import httpx

from colonnade.client import AsyncColonnade, Identity
from colonnade.errors import Unauthenticated
from colonnade.security.keys import parse

_SECONDS = 5.0


class Gateway:
    """Makes clients; one for each session, since each has its own key."""

    def __init__(self, url: str, seconds: float, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url = url
        self._seconds = seconds
        self._transport = transport

    def client(self, key: str) -> AsyncColonnade:
        """Without a key where ``key`` is empty, whatever the environment says."""
        return AsyncColonnade(self.url, key, timeout=self._seconds, transport=self._transport)

    async def anybody(self) -> Identity | None:
        """As whom it takes those without a key; None where it asks for one. Raises ``Unavailable`` where it
        does not answer."""
        try:
            return await self._ask("")
        except Unauthenticated:
            return None

    async def admit(self, key: str) -> Identity:
        """Whose a right key is; raises ``Unauthenticated`` for every other."""
        parse(key)
        return await self._ask(key)

    async def _ask(self, key: str) -> Identity:
        client = AsyncColonnade(self.url, key, timeout=_SECONDS, max_retries=0, transport=self._transport)
        async with client:
            return await client.whoami()
