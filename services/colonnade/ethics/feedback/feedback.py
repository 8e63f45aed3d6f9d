"""What somebody says of an answer, and the pair of answers that it comes to. Pure."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import check_count, check_text, digest, request_id

MAX_TEXT_BYTES = 64 * 1024
"""Of an answer."""
MAX_PROMPT_BYTES = 256 * 1024
"""Of all messages together."""
MAX_MESSAGES = 200
MAX_COMMENT_BYTES = 4096
ROLES = ("system", "user", "assistant")


class Kind(StrEnum):
    THUMB = "thumb"
    CORRECTION = "correction"
    """What the answer should have been."""
    PREFERENCE = "preference"
    """One of two answers."""


class State(StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    """Models may learn from it."""
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    content: str


Prompt = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class AnsweredBy:
    """The version that wrote the answer; a digest of "" where nobody knows."""

    model: str = ""
    version: int = 0
    digest: str = ""
    confirmed: bool = False
    """The platform saw it answer; else the giver says so."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was said. Its texts are here because whoever gave it sent them; nothing is looked up.

    ``InvalidArgument`` or ``TooLarge``, naming the field as people know it, for what does not
    fit its kind."""

    kind: Kind
    request_id: str = ""
    answered_by: AnsweredBy = AnsweredBy()
    prompt: Prompt = ()
    chosen: str = ""
    """The better answer: liked, corrected or preferred."""
    rejected: str = ""
    """The worse one: disliked, to be corrected or not preferred."""
    up: bool = False
    """Of a thumb."""
    comment: str = ""

    def __post_init__(self) -> None:
        if self.request_id:
            request_id(self.request_id, "request_id")
        if self.answered_by.digest:
            digest(self.answered_by.digest, "version")
        check_text(self.comment, "comment", MAX_COMMENT_BYTES, allow_empty=True, controls="text")
        better, worse = self._names()
        for text, name in ((self.chosen, better), (self.rejected, worse)):
            check_text(text, name, MAX_TEXT_BYTES, allow_empty=self.kind is Kind.THUMB)
            if text and not text.strip():
                raise InvalidArgument(f"{name} must have more than spaces", field=name)
        self._check_prompt()
        if self.kind is Kind.THUMB:
            self._check_thumb()
        elif self.chosen == self.rejected:
            raise InvalidArgument(f"{better} and {worse} are the same; nothing follows from it", field=better)

    @property
    def texts(self) -> bool:
        """It has what can be learnt from: a prompt with an answer."""
        return bool(self.prompt)

    def _names(self) -> tuple[str, str]:
        """What ``chosen`` and ``rejected`` are called."""
        if self.kind is Kind.CORRECTION:
            return "correction", "answer"
        return ("chosen", "rejected") if self.kind is Kind.PREFERENCE else ("answer", "answer")

    def _check_prompt(self) -> None:
        check_count(len(self.prompt), MAX_MESSAGES, "messages")
        for place, turn in enumerate(self.prompt):
            if turn.role not in ROLES:
                where = f"messages[{place}].role"
                raise InvalidArgument(f"{where} must be one of {', '.join(ROLES)}", field=where)
            check_text(turn.content, f"messages[{place}].content", MAX_PROMPT_BYTES)
        check_text(
            "".join(turn.content for turn in self.prompt), "prompt", MAX_PROMPT_BYTES, allow_empty=True
        )
        if self.prompt and self.prompt[-1].role != "user":
            raise InvalidArgument("messages must end with a message of the user", field="messages")
        if not self.prompt and self.kind is not Kind.THUMB:
            raise InvalidArgument(f"a {self.kind} needs the prompt that was answered", field="prompt")

    def _check_thumb(self) -> None:
        answer, other = (self.chosen, self.rejected) if self.up else (self.rejected, self.chosen)
        if other:
            raise InvalidArgument("a thumb has one answer; send a preference for two", field="answer")
        if bool(answer) != bool(self.prompt):
            missing = "prompt" if answer else "answer"
            raise InvalidArgument(f"{missing} is missing: send prompt and answer, or neither", field=missing)
        if not answer and not self.request_id:
            raise InvalidArgument(
                "a thumb needs the request_id of the answer that it is about, or prompt and answer",
                field="request_id",
            )


@dataclass(frozen=True, slots=True)
class Feedback:
    id: str
    tenant: str
    subject: str
    """Who gave it."""
    given: Given
    given_at: datetime
    state: State = State.WAITING
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    why: str = ""
    """The reviewer's words."""

    def reviewed(self, state: State, by: str, at: datetime, why: str) -> "Feedback":
        return replace(self, state=state, reviewed_by=by, reviewed_at=at, why=why)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt, of which the first is preferred."""

    prompt: Prompt
    chosen: str
    rejected: str
    made_of: tuple[str, ...] = ()
    """Ids of feedback: one, or two thumbs."""

    def line(self) -> str:
        """As the training service's recipe for preferences reads it (``examples.kind: preferences``)."""
        plain = len(self.prompt) == 1 and self.prompt[0].role == "user"
        messages = [{"role": turn.role, "content": turn.content} for turn in self.prompt]
        asked = self.prompt[0].content if plain else messages
        found = {"prompt": asked, "chosen": self.chosen, "rejected": self.rejected}
        return json.dumps(found, ensure_ascii=False)


def pair_of(found: Feedback) -> Pair | None:
    """None for a thumb: it takes another one on the same prompt."""
    given = found.given
    if given.kind is Kind.THUMB:
        return None
    return Pair(given.prompt, given.chosen, given.rejected, (found.id,))


def thumbs_pair(up: Feedback, down: Feedback) -> Pair | None:
    """What was liked before what was not; None where both are the same text, which people disagree on."""
    if up.given.chosen == down.given.rejected:
        return None
    return Pair(up.given.prompt, up.given.chosen, down.given.rejected, (up.id, down.id))


def key_of(prompt: Sequence[Turn]) -> str:
    """The same for the same prompt, and "" for none."""
    if not prompt:
        return ""
    said = json.dumps([(turn.role, turn.content) for turn in prompt])
    return hashlib.sha256(said.encode()).hexdigest()
