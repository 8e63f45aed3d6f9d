"""Looks for what a restored backup brought back: of whom a service holds something that is older than their
erasure, is erased again without being asked."""

from collections.abc import Mapping
from datetime import datetime

from colonnade.errors import ColonnadeError
from colonnade.memory.domain.erasures import AskedBy
from colonnade.memory.ports import Eraser, Erasures, Tombstones
from colonnade.memory.service.erasing.asking import Asking
from colonnade.memory.service.erasing.secrets import Secrets
from colonnade.telemetry import get_logger

WHY = "something that is older than the erasure was found, as a restored backup brings back"
_LOG = get_logger(__name__)


class Watching:
    def __init__(
        self,
        asking: Asking,
        erasures: Erasures,
        tombstones: Tombstones,
        erasers: Mapping[str, Eraser],
        secrets: Secrets,
    ) -> None:
        self._asking, self._erasures, self._tombstones = asking, erasures, tombstones
        self._erasers, self._secrets = erasers, secrets

    async def turn(self) -> bool:
        """All services; one that cannot be asked now is asked the next time."""
        if not (buried := await self._tombstones.all()):
            return False
        failure: ColonnadeError | None = None
        for service, eraser in self._erasers.items():
            try:
                await self._look(service, eraser, buried)
            except ColonnadeError as error:
                _LOG.warning("not looked for what was erased", service=service, reason=error.message)
                failure = error
        if failure is not None:
            raise failure
        return False

    async def _look(self, service: str, eraser: Eraser, buried: Mapping[str, datetime]) -> None:
        async for held in eraser.held():
            mark = self._secrets.mark(held.tenant, held.subject)
            if mark not in buried or held.since >= buried[mark] or await self._erasures.is_open(mark):
                continue
            again = await self._asking.open(held.tenant, held.subject, WHY, AskedBy.RESTORED)
            _LOG.warning("somebody who was erased is there again", service=service, erasure=again.id)
