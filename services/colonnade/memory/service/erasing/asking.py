"""Erasures as people ask for them, and look at them."""

from collections.abc import Callable, Sequence

from colonnade.errors import InvalidArgument, PermissionDenied
from colonnade.memory.domain.erasures import AskedBy, Erasure
from colonnade.memory.domain.ids import erasure_id, utc_now
from colonnade.memory.ports import Clock, Erasures, Tombstones
from colonnade.memory.service.callers import check_id, page_of, unknown
from colonnade.memory.service.erasing.secrets import Secrets
from colonnade.security.access.roles import SEE_ERASURES
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import HOME_TENANT, Principal, Role
from colonnade.security.inputs import check_text, subject_name, tenant_name
from colonnade.security.inputs.once import Once

MAX_WHY_BYTES = 1000


class Asking:
    def __init__(
        self,
        erasures: Erasures,
        tombstones: Tombstones,
        secrets: Secrets,
        trail: Trail,
        wake: Callable[[], None],
        *,
        services: Sequence[str],
        public_key: str,
        clock: Clock = utc_now,
    ) -> None:
        """``services`` in the order in which they are asked; ``wake`` is called when there is work."""
        self._erasures, self._tombstones, self._secrets = erasures, tombstones, secrets
        self._trail, self._wake, self._clock = trail, wake, clock
        self._services, self.public_key = services, public_key

    async def begin(
        self, subject: str, principal: Principal, *, why: str = "", tenant: str = "", key: str = ""
    ) -> Erasure:
        """One of this subject that goes on already, where there is one."""
        subject_name(subject, "subject")
        whose = _tenant(tenant, principal)
        by = _asked_by(whose, subject, principal)
        _check_why(why, subject)
        mark = self._secrets.mark(whose, subject)
        owner = f"{principal.tenant}/{self._secrets.mark(principal.tenant, principal.subject)}"
        async with privileged(self._trail, "subject.erase", principal, acknowledge=True) as learnt:
            once = Once.of(owner, key, "erasure", mark)
            erasure = await self.open(whose, subject, why, by, once)
            learnt["erasure"] = erasure.id
        return erasure

    async def open(
        self, tenant: str, subject: str, why: str, by: AskedBy, once: Once | None = None
    ) -> Erasure:
        now = self._clock()
        id_, mark = erasure_id(now), self._secrets.mark(tenant, subject)
        sealed = self._secrets.seal(subject, id_)
        new = Erasure.begun(id_, tenant, mark, sealed, why, by, self._services, now)
        kept = await self._erasures.add(new, once)
        if kept.id == new.id:
            await self._tombstones.bury({mark: now})  # a database restored from before still learns of it
            self._wake()
        return kept

    async def get(self, erasure_id: str, principal: Principal) -> Erasure:
        """``NotFound`` also for what is somebody else's."""
        check_id(erasure_id)
        found = await self._erasures.find(erasure_id)
        if found is None or not self._sees(principal, found):
            raise unknown("erasure", erasure_id)
        return found

    async def page(
        self, principal: Principal, *, limit: int = 0, page: str = ""
    ) -> tuple[Sequence[Erasure], str]:
        """Newest first, and the token of the next page, if there is one."""
        size = page_of(limit, page)
        found = await self._erasures.page(principal.tenant, before=page, limit=size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    def _sees(self, principal: Principal, erasure: Erasure) -> bool:
        if principal.has_any(SEE_ERASURES):
            return principal.tenant in (erasure.tenant, HOME_TENANT)
        return erasure.mark == self._secrets.mark(principal.tenant, principal.subject)


def _tenant(asked: str, principal: Principal) -> str:
    if not asked or asked == principal.tenant:
        return principal.tenant
    tenant_name(asked)
    if principal.tenant != HOME_TENANT or Role.ADMIN not in principal.roles:
        raise PermissionDenied(
            f"tenant must be left out: only admins of the tenant {HOME_TENANT} erase people of others",
            field="tenant",
        )
    return asked


def _asked_by(tenant: str, subject: str, principal: Principal) -> AskedBy:
    if (principal.tenant, principal.subject) == (tenant, subject):
        return AskedBy.SUBJECT
    if Role.ADMIN in principal.roles:
        return AskedBy.ADMIN
    raise PermissionDenied(
        "a subject is erased by an admin of their tenant, or by themselves, with a key made for them",
        field="subject",
    )


def _check_why(why: str, subject: str) -> None:
    check_text(why, "why", MAX_WHY_BYTES, allow_empty=True)
    if subject.casefold() in why.casefold():
        raise InvalidArgument("why must not name the subject: it is kept when all else is gone", field="why")
