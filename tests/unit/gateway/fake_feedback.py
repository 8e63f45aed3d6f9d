"""The ethics service's feedback, for tests of the gateway."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.feedback import (
    AnsweredBy,
    Feedback,
    FeedbackPage,
    NewFeedback,
    Pair,
    PairPage,
    RewardModel,
    RewardScores,
    Turn,
)

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
ASKED = (Turn("user", "Is it far?"),)
GIVEN = NewFeedback("correction", "r1", AnsweredBy(digest="sha256:" + "a" * 64), ASKED, "A mile.", "Dunno.")
MODEL = RewardModel("rm_1", MOMENT, '{"penalty": 3.0}', "sha256:e", 0.75, 0.5, 0.9, 40, 10)


@dataclass
class FakeFeedback:
    """Implements ``ports.FeedbackBook``; remembers what it was asked."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)

    async def give(self, caller: Caller, new: NewFeedback, key: str) -> Feedback:
        self._note(caller, "give", new, key)
        return Feedback("fb_1", new, caller.principal.subject, MOMENT)

    async def page(self, caller: Caller, state: str, kind: str, limit: int, page: str) -> FeedbackPage:
        self._note(caller, "page", state, kind, limit, page)
        return FeedbackPage((Feedback("fb_1", GIVEN, "ann", MOMENT),), "next")

    async def get(self, caller: Caller, feedback_id: str) -> Feedback:
        self._note(caller, "get", feedback_id)
        return Feedback(feedback_id, GIVEN, "ann", MOMENT)

    async def review(self, caller: Caller, feedback_id: str, *, accept: bool, why: str) -> Feedback:
        self._note(caller, "review", feedback_id, accept, why)
        state = "accepted" if accept else "rejected"
        reviewed = Feedback(feedback_id, GIVEN, "ann", MOMENT, state, "local", MOMENT)
        return replace(reviewed, why=why)

    async def withdraw(self, caller: Caller, feedback_id: str) -> None:
        self._note(caller, "withdraw", feedback_id)

    async def pairs(self, caller: Caller, limit: int, page: str) -> PairPage:
        self._note(caller, "pairs", limit, page)
        return PairPage((Pair(ASKED, "A mile.", "Dunno.", ("fb_1",)),), "")

    async def train(self, caller: Caller, *, built_in: bool, key: str) -> RewardModel:
        self._note(caller, "train", built_in, key)
        return MODEL

    async def models(self, caller: Caller) -> Sequence[RewardModel]:
        return (MODEL,)

    async def model(self, caller: Caller, model_id: str) -> tuple[RewardModel, bytes]:
        return replace(MODEL, id=model_id), b"weights"

    async def score(
        self, caller: Caller, model_id: str, prompt: Sequence[Turn], answers: Sequence[str]
    ) -> RewardScores:
        self._note(caller, "score", model_id, tuple(prompt), tuple(answers))
        return RewardScores("rm_1", tuple(float(place) for place, _ in enumerate(answers)))

    def _note(self, caller: Caller, *what: Any) -> None:
        self.asked.append(what)
        self.subjects.append(caller.principal.subject)
