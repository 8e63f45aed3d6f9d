"""Sums of what was seen, and what breaks an objective."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.registry.rollouts.observation import Observed, breach
from colonnade.registry.rollouts.plan import Bound, Measure, Objective, Plan
from colonnade.telemetry.first_tokens import FIRST_TOKEN_BOUNDS

ANSWERS = st.lists(st.floats(0, 200), min_size=1, max_size=60)


def answers(count: int, *, failed: int = 0, first: float = 0.1, rate: float = 50.0) -> Observed:
    one = Observed.answer(first, 100, 100 / rate)
    return Observed.total([one] * (count - failed) + [Observed.failure()] * failed)


def plan(**objectives: float | str) -> Plan:
    return Plan(
        objectives=tuple(Objective(Measure(name), Bound.parse(value)) for name, value in objectives.items())
    )


@given(ANSWERS)
def test_the_p95_is_the_class_of_the_true_one(firsts: list[float]) -> None:
    figure = Observed.total(Observed.answer(first) for first in firsts).figure(Measure.FIRST_TOKEN_P95)
    true = sorted(firsts)[math.ceil(0.95 * len(firsts)) - 1]
    assert figure == next((end for end in FIRST_TOKEN_BOUNDS if true <= end), math.inf)


@given(st.lists(st.builds(answers, st.integers(1, 9), first=st.floats(0, 9)), max_size=6), st.integers(0, 6))
def test_sums_do_not_depend_on_how_they_are_split(parts: list[Observed], at: int) -> None:
    whole = Observed.total(parts)
    assert Observed.total(parts[:at]) + Observed.total(parts[at:]) == whole


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_least_error_rate_is_below_the_error_rate(failed: int, more: int) -> None:
    seen = answers(failed + more, failed=failed)
    assert 0 <= seen.least_error_rate() <= failed / (failed + more)


def test_nothing_seen_is_no_figure() -> None:
    assert [Observed().figure(measure) for measure in Measure] == [None, None, None]
    assert Observed().least_error_rate() == 0
    assert breach(plan(error_rate=0, first_token_p95=0, tokens_per_second=9), Observed(), Observed()) == ""


@pytest.mark.parametrize(
    ("failed", "of", "breaks"),
    [(5, 5, True), (1, 10, False), (3, 100, False), (10, 100, True), (0, 100, False)],
    ids=lambda value: str(value),
)
def test_an_error_rate_is_judged_with_its_uncertainty(failed: int, of: int, breaks: bool) -> None:
    words = breach(plan(error_rate=0.02), answers(of, failed=failed), Observed())
    assert bool(words) is breaks
    assert not words or f"after {of} requests" in words


@pytest.mark.parametrize(
    ("objectives", "candidate", "stable", "breaks"),
    [
        ({"first_token_p95": "1.5x"}, answers(20, first=0.3), answers(20, first=0.1), True),
        ({"first_token_p95": "1.5x"}, answers(20, first=0.12), answers(20, first=0.1), False),
        ({"first_token_p95": "1.5x"}, answers(19, first=0.3), answers(20, first=0.1), False),
        ({"first_token_p95": "1.5x"}, answers(20, first=0.3), answers(19, first=0.1), False),
        ({"first_token_p95": 0.2}, answers(20, first=0.3), Observed(), True),
        ({"tokens_per_second": "0.8x"}, answers(20, rate=30), answers(20, rate=50), True),
        ({"tokens_per_second": "0.8x"}, answers(20, rate=45), answers(20, rate=50), False),
        ({"tokens_per_second": 40}, answers(20, rate=30), Observed(), True),
        ({"error_rate": 0.5, "tokens_per_second": 40}, answers(20, rate=30), Observed(), True),
    ],
    ids=["slower", "as-fast", "too-few", "too-few-stable", "own", "rate", "rate-ok", "rate-own", "second"],
)
def test_others_once_there_are_enough(
    objectives: dict[str, float | str], candidate: Observed, stable: Observed, breaks: bool
) -> None:
    assert bool(breach(plan(**objectives), candidate, stable)) is breaks


def test_words_name_the_figure_its_bound_and_the_stable_version() -> None:
    words = breach(plan(tokens_per_second="0.8x"), answers(25, rate=30), answers(20, rate=50))
    assert words == "tokens_per_second is 30 after 25 requests, its bound 0.8x; the stable version's is 50"


@pytest.mark.parametrize("text", ["", "x", "fast", "-1", "nan", "inf", "1.5xx", "-2x"])
def test_a_bound_that_is_none(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Bound.parse(text)


@given(st.floats(0, 1e6), st.booleans())
def test_bounds_read_as_they_are_written(value: float, relative: bool) -> None:
    bound = Bound(float(f"{value:g}"), relative)
    assert Bound.parse(str(bound)) == bound


def test_a_multiple_of_no_errors_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="share of its own"):
        Objective(Measure.ERROR_RATE, Bound.parse("2x"))
