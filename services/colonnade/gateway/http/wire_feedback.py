"""What people say of answers, as JSON: what is asked, and what is answered."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain import feedback as domain
from colonnade.gateway.domain.limits import MAX_MESSAGES
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_generate import ChatMessage
from colonnade.gateway.http.wire_memory import OfSubject
from colonnade.security.inputs import check_count, check_text, digest, request_id

Kind = Literal["thumb", "correction", "preference"]
State = Literal["waiting", "accepted", "rejected"]
_TEXT_BYTES, _COMMENT_BYTES, _WHY_BYTES = 64 * 1024, 4096, 1024
_OF: dict[str, tuple[str, ...]] = {
    "thumb": ("value", "answer"),
    "correction": ("answer", "correction"),
    "preference": ("chosen", "rejected"),
}


class Asked(Strict):
    prompt: str | None = Field(default=None, description="What was asked. Either this or messages.")
    messages: list[ChatMessage] | None = Field(default=None, description="What was asked, of a conversation.")

    @property
    def turns(self) -> tuple[domain.Turn, ...]:
        if self.prompt is not None and self.messages is not None:
            raise InvalidArgument("send prompt or messages, not both", field="messages")
        if self.prompt is not None:
            return (domain.Turn("user", self.prompt),)
        check_count(len(self.messages or ()), MAX_MESSAGES, "messages")
        return tuple(domain.Turn(each.role, each.content) for each in self.messages or ())


class FeedbackBody(Asked, OfSubject):
    kind: Kind
    request_id: str | None = Field(default=None, description="Of the answer, as its x-request-id has it.")
    version: str | None = Field(
        default=None,
        description="Digest of the version that answered; counts where the platform does not know.",
    )
    value: Literal["up", "down"] | None = Field(default=None, description="Of a thumb.")
    answer: str | None = Field(default=None, description="Of a thumb or a correction: what was answered.")
    correction: str | None = Field(default=None, description="What should have been answered.")
    chosen: str | None = Field(default=None, description="Of a preference: the better answer.")
    rejected: str | None = Field(default=None, description="Of a preference: the worse answer.")
    comment: str | None = Field(default=None, description="4 KiB of UTF-8 at most.")

    def new(self) -> domain.NewFeedback:
        self._check_kind()
        up = self.value == "up"
        chosen, rejected = {
            "thumb": (self.answer, None) if up else (None, self.answer),
            "correction": (self.correction, self.answer),
            "preference": (self.chosen, self.rejected),
        }[self.kind]
        return domain.NewFeedback(
            kind=self.kind,
            request_id=request_id(self.request_id, "request_id") if self.request_id is not None else "",
            answered_by=domain.AnsweredBy(
                digest=digest(self.version, "version") if self.version is not None else ""
            ),
            prompt=self.turns,
            chosen=chosen or "",
            rejected=rejected or "",
            up=up,
            comment=check_text(self.comment or "", "comment", _COMMENT_BYTES, allow_empty=True),
        )

    def _check_kind(self) -> None:
        """What it needs is there, and nothing of the others."""
        wanted = _OF[self.kind]
        for field in dict.fromkeys(field for fields in _OF.values() for field in fields):
            text = getattr(self, field)
            if field not in wanted and text is not None:
                raise InvalidArgument(f"a {self.kind} has no {field}; leave it out", field=field)
            if field not in wanted or (text is None and (self.kind, field) == ("thumb", "answer")):
                continue
            if text is None:
                raise InvalidArgument(f"a {self.kind} needs {field}", field=field)
            check_text(text, field, _TEXT_BYTES)


class ReviewBody(Strict):
    decision: Literal["accept", "reject"]
    why: str | None = Field(default=None, description="1 KiB of UTF-8 at most.")

    @property
    def reason(self) -> str:
        return check_text(self.why or "", "why", _WHY_BYTES, allow_empty=True)


class TurnOut(BaseModel):
    role: str
    content: str


class AnsweredByOut(BaseModel):
    model: str | None = Field(description="null where only the digest is known.")
    version: int | None
    digest: str
    confirmed: bool = Field(description="The platform saw this version answer; else the giver says so.")


class FeedbackOut(BaseModel):
    id: str
    kind: Kind
    state: State
    subject: str = Field(description="Who gave it.")
    given_at: datetime
    request_id: str = Field(description="Empty: not said.")
    answered_by: AnsweredByOut | None = Field(description="null where nobody knows.")
    messages: list[TurnOut] = Field(description="What was asked; empty where it was not sent.")
    value: Literal["up", "down"] | None = Field(description="Of a thumb.")
    chosen: str = Field(description="The better answer: liked, corrected or preferred.")
    rejected: str = Field(description="The worse one: disliked, corrected or not preferred.")
    comment: str
    reviewed_by: str
    reviewed_at: datetime | None
    why: str = Field(description="The reviewer's words.")

    @classmethod
    def of(cls, found: domain.Feedback) -> "FeedbackOut":
        given, by = found.given, found.given.answered_by
        return cls.model_validate(
            {
                "id": found.id,
                "kind": given.kind,
                "state": found.state,
                "subject": found.subject,
                "given_at": found.given_at,
                "request_id": given.request_id,
                "answered_by": _answered_by(by) if by.digest else None,
                "messages": [{"role": turn.role, "content": turn.content} for turn in given.prompt],
                "value": ("up" if given.up else "down") if given.kind == "thumb" else None,
                "chosen": given.chosen,
                "rejected": given.rejected,
                "comment": given.comment,
                "reviewed_by": found.reviewed_by,
                "reviewed_at": found.reviewed_at,
                "why": found.why,
            }
        )


class FeedbackList(BaseModel):
    feedback: list[FeedbackOut] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty on the last page.")


class PairOut(BaseModel):
    messages: list[TurnOut]
    chosen: str
    rejected: str
    made_of: list[str] = Field(description="Ids of feedback: one, or two thumbs.")


class PairList(BaseModel):
    pairs: list[PairOut] = Field(description="Oldest first. A page may have none and not be the last.")
    next_page_token: str = Field(description="Empty on the last page.")

    @classmethod
    def of(cls, page: domain.PairPage) -> "PairList":
        pairs = [
            PairOut(
                messages=[TurnOut(role=turn.role, content=turn.content) for turn in pair.prompt],
                chosen=pair.chosen,
                rejected=pair.rejected,
                made_of=list(pair.made_of),
            )
            for pair in page.pairs
        ]
        return cls(pairs=pairs, next_page_token=page.next_page)


def _answered_by(by: domain.AnsweredBy) -> AnsweredByOut:
    return AnsweredByOut(
        model=by.model or None, version=by.version or None, digest=by.digest, confirmed=by.confirmed
    )
