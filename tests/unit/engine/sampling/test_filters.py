"""What the fast filters keep and draw is what the plain definition keeps and draws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.sampling import Sampling, candidates
from colonnade.engine.sampling.filters import drawn, drawn_of_all
from colonnade.engine.sampling.selection import Floats, best_ids
from tests.unit.engine.sampling import plain

GRID = st.integers(-40, 40).map(lambda step: step / 8)
"""Numbers with many ties, whose sums are exact in any order."""
EDGES = st.floats(0, 1 - 1e-9)
SETTINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
    top_k=st.sampled_from([0, 1, 2, 5, 17, 60, 10_000]),
    top_p=st.sampled_from([0.053, 0.37, 0.83, 0.9999, 1.0]),
    min_p=st.sampled_from([0.0, 0.11, 0.93]),
)


@st.composite
def rows(draw: st.DrawFn) -> Floats:
    """Short rows as hypothesis likes them, long ones by a seed; some tokens barred."""
    if draw(st.booleans()):
        scores = np.array(draw(st.lists(GRID, min_size=1, max_size=30)), dtype=np.float32)
    else:
        numbers = np.random.default_rng(draw(st.integers(0, 999)))
        size, spread = draw(st.sampled_from([63, 64, 700, 3000])), draw(st.sampled_from([0.0, 1.0, 9.0]))
        scores = (np.round(numbers.normal(size=size) * spread * 8) / 8).astype(np.float32)
        scores[numbers.random(size) < draw(st.sampled_from([0.0, 0.5, 0.99]))] = -np.inf
    scores[draw(st.integers(0, len(scores) - 1))] = 1.0
    return scores


def _near(laid_out: list[tuple[int, float]], edge: float) -> set[int]:
    """What the plain definition draws there, whichever way it rounds."""
    return {plain.draw(laid_out, near) for near in (edge - 1e-12, edge, edge + 1e-12)}


@settings(deadline=None, max_examples=200)
@given(rows(), SETTINGS, EDGES)
def test_candidates_and_draws_are_those_of_the_plain_definition(
    scores: Floats, asked: Sampling, edge: float
) -> None:
    expected = plain.probabilities(scores.tolist(), asked)
    ids, weights = candidates(scores, asked)
    assert ids.tolist() == [token for token, _ in expected]
    np.testing.assert_allclose(weights / weights.sum(), [share for _, share in expected], rtol=1e-9)
    assert drawn(ids, weights, edge) in _near(expected, edge)


@settings(deadline=None, max_examples=150)
@given(rows(), st.sampled_from([0.3, 1.0, 2.0]), EDGES)
def test_an_unfiltered_draw_is_that_of_the_plain_definition(
    scores: Floats, temperature: float, edge: float
) -> None:
    laid_out = plain.probabilities(scores.tolist(), Sampling(temperature))
    assert drawn_of_all(scores, temperature, edge) in _near(laid_out, edge)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_an_unfiltered_draw_is_exact_next_to_every_border(temperature: float) -> None:
    scores = np.random.default_rng(5).normal(size=300).astype(np.float32) * 3
    laid_out = plain.probabilities(scores.tolist(), Sampling(temperature))
    reached = 0.0
    for token, share in laid_out:
        if share > 1e-9:
            assert drawn_of_all(scores, temperature, reached + share * 1e-3) == token
            assert drawn_of_all(scores, temperature, reached + share * (1 - 1e-3)) == token
        reached += share


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_nucleus_is_exact_next_to_every_border(share: float) -> None:
    """The threshold is moved to within a millionth of where the next token falls out."""
    scores = np.random.default_rng(6).normal(size=5000).astype(np.float32)
    laid_out = plain.probabilities(scores.tolist(), Sampling(1.0, top_p=0.99999))
    mass = np.array([probability for _, probability in laid_out]).cumsum() * _mass(scores, 0.99999)
    count = int(mass.searchsorted(share)) + 1
    for border, expected in (
        (mass[count - 1] * (1 - 1e-7), count),
        (mass[count - 1] * (1 + 1e-7), count + 1),
    ):
        assert len(candidates(scores, Sampling(1.0, top_p=float(border)))[0]) == expected


def _mass(scores: Floats, share: float) -> float:
    weights = np.exp(scores.astype(np.float64))
    kept = [token for token, _ in plain.probabilities(scores.tolist(), Sampling(1.0, top_p=share))]
    return float(weights[kept].sum() / weights.sum())


@settings(deadline=None, max_examples=150)
@given(rows(), st.integers(1, 4000))
def test_the_best_are_those_of_a_sort(scores: Floats, count: int) -> None:
    order = sorted(range(len(scores)), key=lambda token: (-scores[token], token))
    worst = scores[order[min(count, len(order)) - 1]]
    expected = [token for token in order if scores[token] >= worst and scores[token] > -math.inf]
    assert best_ids(scores, count).tolist() == expected


def test_many_are_sorted_like_few() -> None:
    scores = np.random.default_rng(1).integers(-3, 4, 20_000).astype(np.float32) * np.float32(0.5)
    scores[::7] = -0.0
    assert (
        best_ids(scores, 9_000).tolist()
        == np.argsort(-scores, kind="stable")[: len(best_ids(scores, 9_000))].tolist()
    )


def test_ties_are_broken_by_id_and_all_pass_top_k() -> None:
    scores = np.array([0.0, 3.0, 1.0, 3.0, 1.0, 1.0], dtype=np.float32)
    assert candidates(scores, Sampling(1.0, top_k=3))[0].tolist() == [1, 3, 2, 4, 5]


@pytest.mark.parametrize("cold", [1e-4, 1e-12, 1e-300])
@pytest.mark.parametrize("more", [{}, {"top_p": 0.9}, {"top_k": 2}, {"min_p": 0.1}], ids=str)
def test_almost_no_temperature_is_almost_greedy(cold: float, more: dict[str, float]) -> None:
    scores = np.array([100.0, 100.5, -1e4, -np.inf], dtype=np.float32)
    ids, weights = candidates(scores, Sampling(cold, **more))  # type: ignore[arg-type]
    assert all(drawn(ids, weights, edge) == 1 for edge in (0.0, 0.5, 1 - 2**-53))
    assert all(drawn_of_all(scores, cold, edge) == 1 for edge in (0.0, 0.5, 1 - 2**-53))
