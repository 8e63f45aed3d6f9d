"""Sends what webhooks are told, to places that the operator allowed and to nowhere else."""

from collections.abc import Mapping

from colonnade.security.outbound import Outbound


class OutboundDeliverer:
    """Implements ``events.ports.Deliverer``."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def check(self, url: str) -> None:
        self._outbound.check(url)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        return (await self._outbound.post(url, body, headers)).status
