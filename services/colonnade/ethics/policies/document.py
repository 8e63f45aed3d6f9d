"""A policy as it is written."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action, Expected, Holding, OnFailure, Policy, Rule, Trial

_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
_Side = Annotated[Side, Field(strict=False)]
_Action = Annotated[Action, Field(strict=False)]
_SAYS = {Action.MASK: "replacement", Action.REGENERATE: "guidance", Action.REFUSE: "reason"}
"""What goes with an action, and with no other."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Rule(_Written):
    id: str = Field(pattern=_NAME)
    scorer: str = Field(pattern=_NAME)
    categories: list[Annotated[str, Field(pattern=_NAME)]] = Field(default=[], max_length=100)
    sides: list[_Side] = Field(default=list(Side), min_length=1, max_length=2)
    threshold: float = Field(default=0.5, ge=0, le=1)
    action: _Action
    replacement: str | None = Field(default=None, max_length=200)
    guidance: str | None = Field(default=None, min_length=1, max_length=2000)
    reason: str | None = Field(default=None, min_length=1, max_length=500)
    on_failure: OnFailure = Field(default=OnFailure.REFUSE, strict=False)

    @model_validator(mode="after")
    def _says_what_is_needed(self) -> "_Rule":
        needed = _SAYS.get(self.action)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"the action {self.action} needs a {needed}")
        for name in ("replacement", "guidance", "reason"):
            if name != needed and getattr(self, name) is not None:
                raise ValueError(f"the action {self.action} has no use for a {name}; leave it out")
        if self.action is Action.REGENERATE and Side.INPUT in self.sides:
            raise ValueError("an input cannot be regenerated; write sides: [output]")
        return self

    def rule(self) -> Rule:
        return Rule(
            self.id,
            self.scorer,
            self.action,
            frozenset(self.categories),
            frozenset(self.sides),
            self.threshold,
            self.replacement or "",
            self.guidance or "",
            self.reason or "",
            self.on_failure,
        )


class _Holding(_Written):
    characters: int = Field(default=Holding().characters, ge=1, le=1_000_000)
    timeout_seconds: float = Field(default=Holding().timeout_seconds, gt=0, le=60)


class _Expect(_Written):
    action: _Action
    rule: str = ""


class _Test(_Written):
    text: str = Field(max_length=100_000)
    side: _Side
    expect: _Expect

    def trial(self) -> Trial:
        return Trial(self.text, self.side, Expected(self.expect.action, self.expect.rule))


class Document(_Written):
    name: str = Field(pattern=_NAME)
    description: str = Field(default="", max_length=2000)
    holding: _Holding = _Holding()
    rules: list[_Rule] = Field(max_length=200)
    tests: list[_Test] = Field(default=[], max_length=1000)

    @model_validator(mode="after")
    def _names_are_known(self) -> "Document":
        ids = [rule.id for rule in self.rules]
        if twice := next((each for each in ids if ids.count(each) > 1), None):
            raise ValueError(f"two rules are called {twice}; give each an id of its own")
        for place, test in enumerate(self.tests):
            if test.expect.rule and test.expect.rule not in ids:
                raise ValueError(f"tests.{place} expects the rule {test.expect.rule}, which is not there")
        return self

    def policy(self, version: str, source: str) -> Policy:
        return Policy(
            self.name,
            version,
            tuple(each.rule() for each in self.rules),
            Holding(self.holding.characters, self.holding.timeout_seconds),
            self.description,
            tuple(each.trial() for each in self.tests),
            source,
        )
