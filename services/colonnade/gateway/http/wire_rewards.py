"""Reward models as JSON: what is asked, and what is answered."""

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from colonnade.gateway.domain import feedback as domain
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_feedback import Asked
from colonnade.security.inputs import check_count, check_text

MAX_ANSWERS = 64
_TEXT_BYTES = 64 * 1024


class TrainBody(Strict):
    built_in: bool | None = Field(
        default=None, description="Default true: the pairs that come with the platform take part."
    )


class ScoreBody(Asked):
    answers: list[str] = Field(description=f"1 to {MAX_ANSWERS}.")
    model: str | None = Field(default=None, description="A reward model's id. Default: the newest.")

    @property
    def checked(self) -> list[str]:
        check_count(len(self.answers), MAX_ANSWERS, "answers")
        return [check_text(text, f"answers[{at}]", _TEXT_BYTES) for at, text in enumerate(self.answers)]


class RewardModelOut(BaseModel):
    id: str
    made_at: datetime
    embedding_model: str = Field(description="Digest of the version that gave texts their vectors.")
    accuracy: float = Field(description="On pairs of prompts that nothing was learnt from.")
    accuracy_low: float = Field(description="Of the interval that has it with 95 %.")
    accuracy_high: float
    learnt: int = Field(description="Pairs.")
    held_out: int = Field(description="Pairs.")
    card: dict[str, Any] = Field(description="What it is made of, and how good it is, by source.")

    @classmethod
    def of(cls, model: domain.RewardModel) -> "RewardModelOut":
        return cls(
            id=model.id,
            made_at=model.made_at,
            embedding_model=model.embedding_model,
            accuracy=model.accuracy,
            accuracy_low=model.low,
            accuracy_high=model.high,
            learnt=model.learnt,
            held_out=model.held_out,
            card=json.loads(model.card),
        )


class RewardModels(BaseModel):
    models: list[RewardModelOut] = Field(description="Newest first.")


class Scores(BaseModel):
    model: str = Field(description="The reward model's id.")
    scores: list[float] = Field(
        description="In the order of the answers; the difference of two is log odds of the one."
    )
