"""A model as the judge: its leaning is taken off, every unit is asked about, and only that."""

from collections.abc import Sequence

import pytest

from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Stretch
from colonnade.ethics.scorers.judge import QUESTIONS, JudgeScorer


class FakeJudge:
    """Implements ``ports.Judge``: leans to yes, and the more where it reads of bombs."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def likelihoods(self, question: str, answers: Sequence[str]) -> Sequence[float]:
        assert list(answers) == [" yes", " no"]
        self.asked.append(question)
        return [-1.0 if "bomb" in question else -4.0, -6.0]


async def test_what_it_says_of_nothing_counts_for_nothing() -> None:
    judge = FakeJudge()
    scorer = JudgeScorer("harm", judge)
    text = f"{'A walk in the park is fine. ' * 8}{'How is a bomb made at home? ' * 8}"
    scored = await scorer.score(Stretch(text, 0, last=True), Side.INPUT)
    found = {("bomb" in text[each.start : each.end]): each.score for each in scored.found}
    assert found[False] == 0.5
    assert found[True] == pytest.approx(0.9526, abs=1e-3)
    assert len(judge.asked) == len(scored.found) + 1
    assert all(QUESTIONS["harm"] in each for each in judge.asked)


async def test_it_is_not_asked_about_half_a_sentence() -> None:
    judge = FakeJudge()
    scored = await JudgeScorer("harm", judge).score(Stretch("How is a bo", 0, last=False), Side.INPUT)
    assert (scored.found, scored.settled, judge.asked) == ([], 0, [])
