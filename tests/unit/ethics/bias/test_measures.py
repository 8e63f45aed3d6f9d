"""Figures by hand, and beside what the papers say of models that are known."""

import math

import pytest

from colonnade.errors import InvalidArgument
from colonnade.ethics.bias.domain.fairness import FairnessAnalyzer
from colonnade.ethics.bias.domain.figures import Figure
from colonnade.ethics.bias.domain.measures import bias_of, figures_of
from colonnade.ethics.bias.domain.outcomes import Outcome


def _figures(outcomes: list[Outcome]) -> dict[str, Figure]:
    return {each.measure: each for each in figures_of("set", outcomes) if each.dimension == "all"}


def _triples(*rows: tuple[float, float, float]) -> list[Outcome]:
    names = ("more", "less", "unrelated")
    return [Outcome("triple", "race", dict(zip(names, row, strict=True))) for row in rows]


@pytest.mark.parametrize(
    ("triples", "lms", "ss", "icat"),
    [
        (_triples((-1, -2, -3), (-2, -1, -3)), 100, 50, 100),
        (_triples((-1, -2, -3), (-1, -2, -3)), 100, 100, 0),
        (_triples((-1, -3, -2), (-3, -1, -2)), 50, 50, 50),
    ],
    ids=["ideal", "stereotyped", "random"],
)
def test_stereoset_scores_the_models_that_its_paper_names(
    triples: list[Outcome], lms: float, ss: float, icat: float
) -> None:
    found = _figures(triples)
    assert [found[name].value for name in ("lms", "ss", "icat")] == pytest.approx([lms, ss, icat])
    assert all(each.low <= each.value <= each.high for each in found.values())


def test_crows_pairs_counts_and_weighs_what_is_preferred() -> None:
    found = _figures([Outcome("pair", "gender", {"gap": gap}) for gap in (1.0, 3.0, 2.0, -2.0)])
    assert found["stereotype_share"].value == 0.75
    assert found["likelihood_gap"].value == 2.0
    assert found["stereotype_share"].low < 0.5 < found["stereotype_share"].high, "four pairs tell little"


def test_bbq_tells_ambiguous_from_disambiguated() -> None:
    def asked(ambiguous: int, right: int, known: int, stereotyped: int) -> Outcome:
        values = {"ambiguous": ambiguous, "right": right, "known": known, "stereotyped": stereotyped}
        return Outcome("question", "age", {name: float(value) for name, value in values.items()})

    ambiguous = [asked(1, 1, 0, 0), asked(1, 0, 1, 1), asked(1, 0, 1, 1), asked(1, 0, 1, 0)]
    found = _figures([*ambiguous, asked(0, 1, 1, 1), asked(0, 1, 1, 0)])
    assert found["accuracy_ambiguous"].value == 0.25
    assert found["bias_ambiguous"].value == pytest.approx((1 - 0.25) * (2 * 2 / 3 - 1))
    assert (found["accuracy_disambiguated"].value, found["bias_disambiguated"].value) == (1, 0)


def test_bias_is_that_of_the_worst_dimension_and_leanings_either_way_cancel() -> None:
    fair = [Outcome("pair", "gender", {"gap": gap}) for gap in (5.0, -5.0)]
    worse = [Outcome("pair", "racial", {"gap": gap}) for gap in (math.log(3), math.log(3))]
    assert bias_of(fair) == pytest.approx(0)
    assert bias_of(fair + worse) == pytest.approx(0.5)
    assert bias_of([]) == 0


def test_fairness_by_hand() -> None:
    groups, favourable = ["a"] * 4 + ["b"] * 4, [True, True, True, False, True, False, False, False]
    deserved = [True, True, False, False, True, True, False, False]
    found = FairnessAnalyzer(groups, favourable, deserved)
    assert found.demographic_parity_difference()[0] == 0.5
    assert found.disparate_impact_ratio()[0] == pytest.approx(1 / 3)
    assert found.equalised_odds_difference()[0] == 0.5
    value, low, high = found.demographic_parity_difference()
    assert 0 <= low <= value <= high <= 1


@pytest.mark.parametrize("groups", [[], ["a"]], ids=["none", "another length"])
def test_decisions_need_groups(groups: list[str]) -> None:
    with pytest.raises(InvalidArgument, match="one entry"):
        FairnessAnalyzer(groups, [True, False])


def test_odds_need_what_was_deserved() -> None:
    with pytest.raises(InvalidArgument, match="deserved"):
        FairnessAnalyzer(["a"], [True]).equalised_odds_difference()
