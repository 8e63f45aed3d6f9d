"""Sends what webhooks are told, to places that the operator allowed and to nowhere else."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from colonnade.registry.events.ports import Answer
from colonnade.registry.service import utc_now
from colonnade.security.outbound import Outbound

_DIGITS = 9
"""Of seconds: what has more of them is forever all the same."""


class OutboundDeliverer:
    """Implements ``events.ports.Deliverer``."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def check(self, url: str) -> None:
        self._outbound.check(url)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        reply = await self._outbound.post(url, body, headers)
        return Answer(reply.status, retry_after(reply.headers.get("retry-after", ""), utc_now()))


def retry_after(text: str, now: datetime) -> timedelta:
    """What the header of that name asks for, in seconds or until a date; nothing where it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text[:_DIGITS]))
    try:
        until = parsedate_to_datetime(text)
        return max(until.replace(tzinfo=until.tzinfo or UTC) - now, timedelta(0))
    except (ValueError, TypeError, IndexError, OverflowError):
        return timedelta(0)
