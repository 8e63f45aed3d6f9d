"""Adaptations as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from colonnade.gateway.domain import adapting as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import alias_name, check_count, check_text, model_name

MAX_PROMPTS, _PROMPT_BYTES, _ID_BYTES = 500, 4096, 64
_VERSION = Range(1, 2**31 - 1)
_ANSWERS, _STEPS = Range(2, 16), Range(1, 10_000)
Source = Literal["feedback", "best_of_n", "revision"]


class AdaptationBody(Strict):
    model: str = Field(description="A model's name.")
    version: int | None = Field(
        default=None,
        description="Default: the one that the name stands for now.",
        json_schema_extra={"minimum": 1},
    )
    sources: list[Source] | None = Field(
        default=None, description="Where pairs come from. Default: all three."
    )
    prompts: list[str] | None = Field(
        default=None,
        description=f"For `best_of_n` and `revision`, {MAX_PROMPTS} at most. Default: the platform's own.",
    )
    answers: int | None = Field(
        default=None,
        description="Of `best_of_n` to each prompt. Default 4.",
        json_schema_extra={"minimum": 2, "maximum": 16},
    )
    reward_model: str | None = Field(
        default=None, description="Its id: scores answers besides the scorers. Default: none."
    )
    steps: int | None = Field(
        default=None,
        description="Of training. Default 60.",
        json_schema_extra={"minimum": 1, "maximum": 10_000},
    )
    policy: str | None = Field(default=None, description="Of the rollout. Default `careful`.")
    route: str | None = Field(
        default=None, description="The alias whose rollout is proposed. Default `production`."
    )

    def new(self, key: str) -> domain.NewAdaptation:
        for name, limits, given in (
            ("version", _VERSION, self.version),
            ("answers", _ANSWERS, self.answers),
            ("steps", _STEPS, self.steps),
        ):
            if given is not None:
                limits.check(name, given)
        prompts = self.prompts or []
        check_count(len(prompts), MAX_PROMPTS, "prompts")
        return domain.NewAdaptation(
            model=model_name(self.model, "model"),
            version=self.version or 0,
            sources=tuple(dict.fromkeys(self.sources or ())),
            prompts=tuple(check_text(each, "prompts", _PROMPT_BYTES) for each in prompts),
            answers=self.answers or 0,
            reward_model=_named(self.reward_model, "reward_model"),
            steps=self.steps or 0,
            policy=alias_name(self.policy, "policy") if self.policy else "",
            route=alias_name(self.route, "route") if self.route else "",
            idempotency_key=key,
        )


def _named(given: str | None, field: str) -> str:
    return check_text(given, field, _ID_BYTES, controls="line") if given else ""


class PairCountOut(BaseModel):
    source: Source
    tried: int = Field(description="Prompts, or pieces of feedback, that were looked at.")
    pairs: int
    lowered: int = Field(description="Of revisions: how often the scorers liked the revised answer better.")


class AdaptationFigureOut(BaseModel):
    measure: str = Field(description="`harm`, `refusal` (of harmless prompts) or `perplexity`.")
    before: float
    before_low: float = Field(description="Of the interval that has it with 95 %.")
    before_high: float
    after: float
    after_low: float
    after_high: float
    count: int = Field(description="Of how many prompts or texts it is.")


class AdaptationOut(BaseModel):
    id: str
    model: str
    version: int
    digest: str = Field(description="Of the version that is adapted.")
    sources: list[str]
    answers: int
    reward_model: str = Field(description="Empty: none.")
    steps: int
    policy: str
    route: str
    state: Literal["pairing", "training", "evaluating", "proposed", "failed", "cancelled"]
    created_at: datetime
    ended_at: datetime | None
    by: str = Field(description="Who began it, as `tenant/subject`. Empty: somebody who was erased.")
    done: int = Field(description="Of the state's steps, of `total`.")
    total: int
    pairs: list[PairCountOut]
    job: str = Field(description="The training job. Empty: none yet.")
    adapted: int | None = Field(description="The version that came of it.")
    figures: list[AdaptationFigureOut] = Field(description="Before and after, on prompts held out.")
    rollout: str = Field(description="The one that was proposed. Empty: none.")
    why: str = Field(description="Where it failed.")

    @classmethod
    def of(cls, adaptation: domain.Adaptation) -> "AdaptationOut":
        return cls.model_validate(adaptation, from_attributes=True)


class Adaptations(BaseModel):
    adaptations: list[AdaptationOut] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty: no more.")


class AdaptationPairOut(BaseModel):
    source: str
    prompt: str
    chosen: str
    rejected: str
    chosen_harm: float = Field(description="By the scorers, 0 to 1.")
    rejected_harm: float


class AdaptationPairs(BaseModel):
    pairs: list[AdaptationPairOut] = Field(description="In the order of their making.")
    next_page_token: str = Field(description="Empty: no more.")

    @classmethod
    def of(cls, page: domain.AdaptationPairPage) -> "AdaptationPairs":
        pairs = [AdaptationPairOut.model_validate(each, from_attributes=True) for each in page.pairs]
        return cls(pairs=pairs, next_page_token=page.next_page)
