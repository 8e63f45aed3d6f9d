"""Which version wrote which answer, for a while: so that feedback names it without taking anybody's word."""

from collections import OrderedDict

from colonnade.gateway.domain.feedback import AnsweredBy
from colonnade.gateway.domain.models import Target

MOST_ANSWERS = 50_000
"""The newest of this gateway."""


class Answers:
    def __init__(self, most: int = MOST_ANSWERS) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, str], AnsweredBy] = OrderedDict()

    def note(self, tenant: str, request_id: str, target: Target) -> None:
        """Clients choose request ids: of two alike the later counts."""
        key = (tenant, request_id)
        self._known[key] = AnsweredBy(target.name, target.version, target.digest, confirmed=True)
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def by(self, tenant: str, request_id: str) -> AnsweredBy | None:
        return self._known.get((tenant, request_id))
