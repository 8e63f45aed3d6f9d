"""Carries erasures out: service by service, each until it has said that it is done, and the whole twice.

What has been done is in the database before anything else is: a process that is killed leaves a step that is
done again by the next one, and every service may be asked again."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from colonnade.errors import ColonnadeError, Unavailable
from colonnade.memory import metrics
from colonnade.memory.domain.erasures import Erased, Erasure, Step
from colonnade.memory.domain.ids import utc_now
from colonnade.memory.ports import Clock, Eraser, Erasures, Tombstones
from colonnade.memory.service.erasing.receipts import facts_of
from colonnade.memory.service.erasing.secrets import Secrets
from colonnade.security.audit import Trail
from colonnade.security.identity import Principal, Role
from colonnade.security.receipts import signed
from colonnade.security.seals import SigningKey
from colonnade.telemetry import get_logger

_AT_ONCE = 1000
"""Erasures that are carried out beside each other."""
_REASON_CHARACTERS = 300
_LOG = get_logger(__name__)


class Carrying:
    def __init__(
        self,
        erasures: Erasures,
        tombstones: Tombstones,
        erasers: Mapping[str, Eraser],
        secrets: Secrets,
        key: SigningKey,
        trail: Trail,
        tidy: Callable[[], None],
        *,
        settle_seconds: float,
        clock: Clock = utc_now,
    ) -> None:
        """``tidy`` is called when a name was deleted, to have it overwritten. Between the rounds pass
        ``settle_seconds``: what was under way in the first has ended then."""
        self._erasures, self._tombstones, self._erasers = erasures, tombstones, erasers
        self._secrets, self._key, self._trail, self._clock = secrets, key, trail, clock
        self._tidy, self._settle = tidy, timedelta(seconds=settle_seconds)

    async def turn(self) -> bool:
        """A step of each; whether one has more to do at once."""
        busy = False
        for erasure in await self._erasures.under_way(_AT_ONCE):
            busy = await self._further(erasure) or busy
        return busy

    async def _further(self, erasure: Erasure) -> bool:
        if erasure.is_carried_out:
            await self._end(erasure)
            return False
        step = erasure.next_step(self._clock(), self._settle)
        if step is None:
            return False
        return await self._try(erasure, step)

    async def _try(self, erasure: Erasure, step: Step) -> bool:
        """Whether it succeeded. It is kept, either way."""
        try:
            erased = await self._erase(erasure, step)
        except Exception as error:
            reason = self._told(erasure, error)
            _LOG.warning(
                "a service has not erased yet", erasure=erasure.id, service=step.service, reason=reason
            )
            metrics.ERASING_FAILURES.labels(step.service).inc()
            await self._erasures.save(erasure.with_step(step.failed(reason, self._clock())))
            return False
        done = step.done(erased.removed, self._clock())
        await self._erasures.save(erasure.with_step(done, erased.affected))
        return True

    async def _erase(self, erasure: Erasure, step: Step) -> Erased:
        eraser = self._erasers.get(step.service)
        if eraser is None:
            raise Unavailable(
                f"{step.service} is no longer in COLONNADE_MEMORY_ERASE_SERVICES; list it until this is done"
            )
        subject = self._secrets.open(erasure.sealed, erasure.id)
        return await eraser.erase(erasure.tenant, subject, erasure.id)

    def _told(self, erasure: Erasure, error: Exception) -> str:
        """For people: never whom it is about, whatever a service says."""
        if not isinstance(error, ColonnadeError):
            _LOG.error("erasing failed", erasure=erasure.id, error=type(error).__name__)
            return "it failed for a reason of its own; see the logs"
        try:
            subject = self._secrets.open(erasure.sealed, erasure.id)
        except ColonnadeError:
            subject = ""
        message = error.message.replace(subject, "…") if subject else error.message
        return message[:_REASON_CHARACTERS]

    async def _end(self, erasure: Erasure) -> None:
        """Nothing that was there before the second round is left: that is what the tombstone says."""
        second = erasure.second_at(self._settle)
        assert second is not None
        ended = replace(erasure, ended_at=self._clock(), sealed="")
        receipt = signed(facts_of(ended), self._key)
        await self._tombstones.bury({erasure.mark: second})
        await self._erasures.save(replace(ended, receipt=receipt))
        self._tidy()
        who = Principal(erasure.tenant, "memory", frozenset({Role.SERVICE}))
        removed = sum(sum(stores.values()) for stores in erasure.removed.values())
        self._trail.note("subject.erased", who, "ok", erasure=erasure.id, mark=erasure.mark, removed=removed)
        metrics.ERASURES.labels(erasure.asked_by.value).inc()
