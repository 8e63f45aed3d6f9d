"""``memory`` in a generation: what is asked, and what came of it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from colonnade.gateway.domain.limits import MAX_RECALLED, MAX_RECALLED_DOCUMENTS
from colonnade.gateway.domain.memory import Citation, MemorySpec, MemoryUse, RecallSpec
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_memories import SourceOut, Why
from colonnade.gateway.http.wire_memory import Kind

_SNIPPET = 300
_DEFAULT = RecallSpec()


class RecallBody(Strict):
    limit: int | None = Field(
        default=None,
        description=f"Quotations at most. Default {_DEFAULT.limit}.",
        json_schema_extra={"minimum": 1, "maximum": MAX_RECALLED},
    )
    kinds: list[Kind] | None = Field(default=None, description="Default: all.")
    documents: list[str] | None = Field(
        default=None, description=f"Out of these alone: at most {MAX_RECALLED_DOCUMENTS} ids."
    )

    def spec(self) -> RecallSpec:
        limit = _DEFAULT.limit if self.limit is None else self.limit
        return RecallSpec(limit, tuple(dict.fromkeys(self.kinds or ())), tuple(self.documents or ()))


def _said(value: Any) -> Any:
    """``true`` asks for all that is usual, ``false`` for nothing."""
    if value is True:
        return {}
    return None if value is False else value


_RECALL = {
    "anyOf": [
        {"type": "boolean"},
        RecallBody.model_json_schema(),
    ]
}


class MemoryBody(Strict):
    session: str | None = Field(
        default=None,
        description="Its latest turns stand before this request's messages; `remember` adds to them.",
    )
    recall: Annotated[RecallBody | None, BeforeValidator(_said), WithJsonSchema(_RECALL)] = Field(
        default=None,
        description="true, or what to look for: turns, and quotations that fit what the user says.",
    )
    remember: bool | None = Field(
        default=None, description="true: what the user says and the answer become turns of the session."
    )

    def spec(self) -> MemorySpec:
        recall = self.recall.spec() if self.recall is not None else None
        return MemorySpec(self.session or "", recall, bool(self.remember))


class CitationOut(BaseModel):
    """What stood in the prompt under a number."""

    number: int = Field(description="As the answer may name it: [1].")
    id: str = Field(description="The memory's.")
    kind: Kind
    text: str = Field(description=f"Its first {_SNIPPET} characters.")
    document: SourceOut | None
    why: Why
    score: float

    @classmethod
    def of(cls, citation: Citation) -> "CitationOut":
        memory = citation.hit.memory
        return cls(
            number=citation.number,
            id=memory.id,
            kind=_KINDS[memory.kind],
            text=memory.text[:_SNIPPET],
            document=SourceOut.of(memory.source) if memory.source else None,
            why=Why.of(citation.hit.why),
            score=citation.hit.score,
        )


_KINDS: Mapping[str, Kind] = {"turn": "turn", "episode": "episode", "fact": "fact", "chunk": "chunk"}


class MemoryUseOut(BaseModel):
    """What memory had to do with an answer."""

    citations: list[CitationOut] | None = Field(default=None, description="What the prompt quoted.")
    session_turns: int | None = Field(default=None, description="That stood before the request's messages.")
    without: list[str] | None = Field(
        default=None, description="What was to take part in the search and could not."
    )
    unavailable: str | None = Field(
        default=None, description="Why the answer had to do without what was to be recalled."
    )
    remembered: bool | None = Field(
        default=None, description="With `remember`: whether both turns are kept now."
    )
    why_not: str | None = Field(default=None, description="Where they are not.")


def memory_part(use: MemoryUse | None) -> dict[str, Any]:
    """Of an answer's body: only where memory was asked for."""
    if use is None:
        return {}
    part: dict[str, Any] = {}
    if use.recalled:
        part["citations"] = [CitationOut.of(each).model_dump(mode="json") for each in use.citations]
        part |= {"session_turns": use.session_turns, "without": list(use.without)}
    if use.unavailable:
        part["unavailable"] = use.unavailable
    if use.remembered is not None:
        part["remembered"] = use.remembered
    if use.why_not:
        part["why_not"] = use.why_not
    return {"memory": part}
