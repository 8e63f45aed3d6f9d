"""The gateway, as the console reaches it before anybody has signed in."""

import httpx

from colonnade.client import AsyncColonnade
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

    async def is_open(self) -> bool:
        """Whether it asks for no key. Raises ``Unavailable`` where it does not answer."""
        try:
            await self._try("")
        except Unauthenticated:
            return False
        return True

    async def admit(self, key: str) -> str:
        """The id of a key that is right; raises ``Unauthenticated`` for every other."""
        key_id = parse(key).id
        await self._try(key)
        return key_id

    async def _try(self, key: str) -> None:
        """Reads what every role may read."""
        client = AsyncColonnade(self.url, key, timeout=_SECONDS, max_retries=0, transport=self._transport)
        async with client:
            await client.usage(group_by=["key"])
