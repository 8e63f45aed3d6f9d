"""Feedback as it comes, is shown, reviewed and taken back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from colonnade.errors import InvalidArgument, NotFound
from colonnade.ethics.feedback.feedback import AnsweredBy, Feedback, Given, Kind, State
from colonnade.ethics.feedback.ports import Clock, FeedbackStore, Wanted
from colonnade.security.access.roles import REVIEW_FEEDBACK
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_text
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE
from colonnade.security.inputs.once import Once

MOST_WAITING = 1000
"""Of one subject: whoever floods the queue keeps others from being heard."""
PAGE_SIZE = 50
MAX_WHY_BYTES = 1024
_ID_BYTES = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    return datetime.now(UTC)


class FeedbackCollector:
    def __init__(
        self, store: FeedbackStore, trail: Trail, *, most_waiting: int = MOST_WAITING, clock: Clock = utc_now
    ) -> None:
        self._store, self._trail, self._most, self._clock = store, trail, most_waiting, clock

    async def give(self, given: Given, principal: Principal, key: str = "") -> Feedback:
        """Kept when it returns; under a known key, what was given with it."""
        subject, now = subject_of(principal), self._clock()
        made = Feedback(new_id("fb", now), principal.tenant, subject, given, now)
        # Not of what the platform adds: a repetition may come when it no longer remembers the answer.
        said = replace(given, answered_by=AnsweredBy())
        once = Once.of(f"{principal.tenant}/{subject}", key, "feedback", repr(said))
        kept = await self._store.add(made, once, most_waiting=self._most)
        if kept.id == made.id:
            self._trail.note("feedback.give", principal, "ok", feedback=kept.id, kind=given.kind.value)
        return kept

    async def get(self, feedback_id: str, principal: Principal) -> Feedback:
        found = await self._store.find(principal.tenant, checked_id(feedback_id))
        if found.subject != principal.subject and not principal.has_any(REVIEW_FEEDBACK):
            raise NotFound(f"there is no feedback {feedback_id}", field="id")
        return found

    async def page(
        self,
        principal: Principal,
        *,
        state: State | None = None,
        kind: Kind | None = None,
        limit: int = 0,
        page: str = "",
    ) -> tuple[Sequence[Feedback], str]:
        """Newest first, and the token of the next page: all of the tenant's for those who review it, else the
        caller's own."""
        size, before = page_of(limit, page)
        whose = "" if principal.has_any(REVIEW_FEEDBACK) else subject_of(principal)
        wanted = Wanted(whose, state, kind)
        found = await self._store.page(principal.tenant, wanted, before=before, limit=size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def review(self, feedback_id: str, principal: Principal, *, accept: bool, why: str) -> Feedback:
        """Says whether models may learn from it; the last word counts."""
        checked_id(feedback_id)
        check_text(why, "why", MAX_WHY_BYTES, allow_empty=True, controls="text")
        state, now = State.ACCEPTED if accept else State.REJECTED, self._clock()

        def change(found: Feedback) -> Feedback:
            return found.reviewed(state, principal.subject, now, why)

        async with privileged(
            self._trail, "feedback.review", principal,
            acknowledge=True, feedback=feedback_id, state=state.value,
        ):  # fmt: skip
            return await self._store.change(principal.tenant, feedback_id, change)

    async def withdraw(self, feedback_id: str, principal: Principal) -> None:
        """Erases what the caller gave, and the reward models that learnt from it."""
        found = await self._store.find(principal.tenant, checked_id(feedback_id))
        if found.subject != principal.subject:
            raise NotFound(f"there is no feedback {feedback_id} of yours", field="id")
        async with privileged(
            self._trail, "feedback.withdraw", principal, acknowledge=True, feedback=feedback_id
        ):
            await self._store.remove(principal.tenant, feedback_id)

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        """Nothing of the subject is left in the store; what was removed, by store. Safe to repeat."""
        return await self._store.erase(tenant, subject)


def subject_of(principal: Principal) -> str:
    if not principal.subject:
        raise InvalidArgument("whose feedback this is is not said; the call needs a subject", field="subject")
    return principal.subject


def new_id(prefix: str, at: datetime) -> str:
    """Grows with time, so that newest first is its order."""
    return f"{prefix}_{(at - _EPOCH) // timedelta(microseconds=1):016x}{uuid.uuid4().hex[:12]}"


def checked_id(value: str, field: str = "id") -> str:
    return check_text(value, field, _ID_BYTES, controls="line")


def page_of(limit: int, page: str) -> tuple[int, str]:
    """How many, and after which. ``InvalidArgument``."""
    if not 0 <= limit <= MAX_PAGE_SIZE:
        raise InvalidArgument(f"limit must be 0 to {MAX_PAGE_SIZE}", field="limit", limit=MAX_PAGE_SIZE)
    return limit or PAGE_SIZE, check_text(page, "page", _ID_BYTES, allow_empty=True, controls="line")
