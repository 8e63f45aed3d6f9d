"""``guard`` in an answer: what a policy decided about it, and about what was sent."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.gateway.domain.guarding import Decision, GuardUse


class GuardSpan(BaseModel):
    start: int
    end: int = Field(description="Exclusive.")


class GuardDecision(BaseModel):
    """Never repeats what was found."""

    side: Literal["input", "output"]
    index: int | None = Field(default=None, description="Of an output, where it is not the first answer.")
    field: str | None = Field(
        default=None, description="Of an input: the field of the request; memory for what was recalled."
    )
    rule: str
    category: str
    action: Literal["allow", "mask", "regenerate", "refuse"]
    span: GuardSpan = Field(description="In characters of the field, or of the answer as the model wrote it.")
    score: float
    explanation: str
    replacement: str | None = Field(
        default=None, description="What stands there instead, where it is masked."
    )
    reason: str | None = Field(default=None, description="For people, where it is refused.")


class GuardOut(BaseModel):
    """What was screened, and what was found. Absent where the platform screens nothing."""

    policy: str | None = None
    version: str | None = Field(default=None, description="The policy's: sha256: and 64 digits.")
    decisions: list[GuardDecision]
    unscreened: list[str] | None = Field(
        default=None, description="Scorers that failed, where the policy goes on without them."
    )
    unavailable: str | None = Field(
        default=None, description="Why nothing, or not all, was screened, where the platform lets that go on."
    )


def guard_part(use: GuardUse | None) -> dict[str, Any]:
    """Of an answer's body: only where there is a guard."""
    if use is None:
        return {}
    part: dict[str, Any] = {"policy": use.policy, "version": use.version} if use.version else {}
    part["decisions"] = [_decision(each) for each in use.decisions]
    if use.unscreened:
        part["unscreened"] = use.unscreened
    if use.unavailable:
        part["unavailable"] = use.unavailable
    return {"guard": part}


def _decision(made: Decision) -> dict[str, Any]:
    told: dict[str, Any] = {"side": made.side}
    if made.index:
        told["index"] = made.index
    if made.field:
        told["field"] = made.field
    told |= {
        "rule": made.rule,
        "category": made.category,
        "action": made.action,
        "span": {"start": made.start, "end": made.end},
        "score": made.score,
        "explanation": made.explanation,
    }
    if made.action == "mask":
        told["replacement"] = made.replacement
    if made.reason:
        told["reason"] = made.reason
    return told
