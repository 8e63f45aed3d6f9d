"""Feedback as it comes through the gateway: with the version that answered, where that is known."""

from dataclasses import dataclass, replace

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.feedback import AnsweredBy, Feedback, NewFeedback
from colonnade.gateway.ports import FeedbackBook
from colonnade.gateway.service.answers import Answers


@dataclass(frozen=True, slots=True)
class FeedbackDesk:
    book: FeedbackBook
    answers: Answers

    async def give(self, caller: Caller, new: NewFeedback, key: str) -> Feedback:
        """What the platform saw counts for more than what the giver says."""
        seen = self.answers.by(caller.principal.tenant, new.request_id) if new.request_id else None
        by = seen or AnsweredBy(digest=new.answered_by.digest)
        return await self.book.give(caller, replace(new, answered_by=by), key)
