"""A webhook, and what becomes of it as its receiver takes events or does not."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

MAX_ERROR_CHARACTERS = 500


class State(StrEnum):
    ACTIVE = "active"
    GIVEN_UP = "given_up"
    """Until somebody resumes it."""


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    tenant: str
    url: str
    models: tuple[str, ...]
    kinds: tuple[str, ...]
    sealed: str = field(repr=False)
    """Its secret, as ``WebhookSecrets`` seals and opens it."""
    created_at: datetime
    created_by: str
    state: State = State.ACTIVE
    delivered: int = 0
    """The number of the last event that was taken, or after which it began."""
    failures: int = 0
    """Since then."""
    failing_since: datetime | None = None
    next_try: datetime | None = None
    last_error: str = ""

    def took(self, number: int) -> "Webhook":
        return replace(self, delivered=number, failures=0, failing_since=None, next_try=None, last_error="")

    def failed(self, error: str, now: datetime, *, pause: timedelta, give_up: timedelta) -> "Webhook":
        """Tried again after ``pause``; given up where it has failed for ``give_up``."""
        since = self.failing_since or now
        return replace(
            self,
            state=State.GIVEN_UP if now - since >= give_up else State.ACTIVE,
            failures=self.failures + 1,
            failing_since=since,
            next_try=now + pause,
            last_error=error[:MAX_ERROR_CHARACTERS],
        )

    def resumed(self) -> "Webhook":
        """It goes on where it stopped, at once."""
        return replace(self, state=State.ACTIVE, failures=0, failing_since=None, next_try=None, last_error="")
