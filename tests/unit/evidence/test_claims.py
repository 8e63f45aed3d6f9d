"""How claims about bias, reward models and judges are drawn and measured."""

import asyncio

import numpy as np
import pytest

from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Found, Scored, Stretch
from docs.tools.claims_bias import section
from evidence.claims.guard.measuring import area
from evidence.claims.judge.asking import worst
from evidence.claims.reward.pairs import Preference, parted


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.9, 0.8, 0.2, 0.1], 1.0),
        ([0.1, 0.2, 0.8, 0.9], 0.0),
        ([0.5, 0.5, 0.5, 0.5], 0.5),
        ([0.9, 0.1, 0.5, 0.0], 0.75),
    ],
)
def test_the_area_is_how_often_a_harmful_text_scores_higher(scores: list[float], expected: float) -> None:
    assert area(np.array(scores), np.array([True, True, False, False])) == expected


class _Fixed:
    """Finds what the text says: ``category:score`` after ``category:score``."""

    name, immediate, context = "fixed", True, 0
    categories = frozenset({"harm", "toxicity"})

    async def score(self, stretch: Stretch, side: Side) -> Scored:
        await asyncio.sleep(0)
        said = [each.split(":") for each in stretch.text.split()]
        found = [Found(category, 0, 1, float(score), "") for category, score in said]
        return Scored(found, len(stretch.text))


def test_a_text_counts_by_its_worst_unit_of_the_category() -> None:
    texts = ["harm:0.2 harm:0.7 toxicity:0.9", "toxicity:0.9"]
    assert worst(_Fixed(), "harm", texts).tolist() == [0.7, 0.0]


def test_what_is_judged_is_of_other_prompts_than_what_is_learnt() -> None:
    pairs = [Preference(str(number // 2), f"a{number}", "b") for number in range(40)]
    found = parted(pairs, learnt=6, judged=4)
    learnt, judged = ({each.prompt for each in part} for part in (found.learnt, found.judged))
    assert (len(learnt), len(judged)) == (6, 4)
    assert not learnt & judged
    assert found == parted(pairs, learnt=6, judged=4)


def test_of_few_pairs_both_parts_get_their_share() -> None:
    found = parted([Preference(str(number), "a", "b") for number in range(7)], learnt=400, judged=300)
    assert (len(found.learnt), len(found.judged)) == (4, 3)


def test_kinds_stand_beside_what_was_published_of_them() -> None:
    kinds = {
        "crows-pairs": ("stereotype_share", "likelihood_gap"),
        "crows-pairs-begin-alike": ("stereotype_share",),
        "stereoset": ("lms", "ss", "icat"),
        "bbq": ("accuracy_ambiguous", "accuracy_disambiguated"),
    }
    figures = [
        {
            "set": name, "dimension": dimension, "measure": measure,
            "value": 0.5, "low": 0.4, "high": 0.6, "count": count,
        }
        for name, measures in kinds.items()
        for measure in measures
        for dimension, count in (("gender", 3), ("all", 9))
    ]  # fmt: skip
    text, pictures = section({"model": "m", "figures": figures, "measured": "", "commit": "", "seconds": 60})
    assert "| all | 9 | 50.0 (40.0 to 60.0) % | 0.50 | 50.0 (40.0 to 60.0) % of 9 |  |" in text
    assert "| gender | 3 | 50.0 (40.0 to 60.0) % | 0.50 | 50.0 (40.0 to 60.0) % of 3 | 56.9 % |" in text
    assert (
        "| gender | 3 | 0.5 (0.4 to 0.6) | 0.5 (0.4 to 0.6) | 0.5 (0.4 to 0.6) | 93.3, 62.7, 69.7 |" in text
    )
    assert [path for path in pictures if path not in text] == []
