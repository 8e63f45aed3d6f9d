"""Plans and sums over the wire, and what is refused of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.api.registry.v1 import rollouts_pb2 as wire
from colonnade.errors import InvalidArgument
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.plan import Bound, Gate, Measure, Objective, Plan, Probe, Step
from colonnade.registry.servicers.rollouts_wire import observed, outcomes, plan, plan_of

BOUNDS = st.builds(Bound, st.integers(0, 999).map(lambda number: number / 8), st.booleans())
GATES = st.builds(Gate, st.sampled_from(Probe), BOUNDS, st.sampled_from(["", "legal"]), st.booleans())
STEPS = st.lists(st.integers(1, 100), unique=True, max_size=4).map(
    lambda percents: tuple(Step(percent, percent / 4, percent) for percent in sorted(percents))
)
OBJECTIVES = st.dictionaries(
    st.sampled_from([Measure.FIRST_TOKEN_P95, Measure.TOKENS_PER_SECOND]), BOUNDS
).map(lambda found: tuple(Objective(measure, found[measure]) for measure in sorted(found)))
PLANS = st.builds(
    Plan,
    st.lists(GATES, max_size=3).map(tuple),
    st.none() | st.just(Step(10, 1.5)),
    STEPS,
    OBJECTIVES,
    st.integers(1, 99),
)


@given(PLANS)
def test_a_plan_comes_back_as_it_was(written: Plan) -> None:
    assert plan_of(wire.Plan.FromString(plan(written).SerializeToString())) == written


@given(st.lists(st.builds(Observed.answer, st.floats(0, 99), st.integers(0, 9), st.floats(0, 9)), max_size=5))
def test_sums_come_back_as_they_were(answers: list[Observed]) -> None:
    total = Observed.total([*answers, Observed.failure()])
    assert observed(wire.Outcomes.FromString(outcomes(total).SerializeToString())) == total


def test_nothing_is_nothing() -> None:
    assert observed(wire.Outcomes()) == Observed()
    assert plan_of(wire.Plan()) == Plan()


@pytest.mark.parametrize(
    "message",
    [
        wire.Outcomes(requests=-1),
        wire.Outcomes(requests=1, failures=2),
        wire.Outcomes(tokens=2**62),
        wire.Outcomes(first_tokens=[1, 2, 3]),
        wire.Outcomes(decode_seconds=float("nan")),
        wire.Outcomes(decode_seconds=-1),
    ],
    ids=["negative", "more-failures", "huge", "classes", "nan", "time"],
)
def test_what_is_no_sum(message: wire.Outcomes) -> None:
    with pytest.raises(InvalidArgument):
        observed(message)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (wire.Plan(gates=[wire.Gate(probe="luck", bound="1")]), "gates.0.probe"),
        (wire.Plan(gates=[wire.Gate(probe="tasks")]), "gates.0.bound"),
        (wire.Plan(objectives={"luck": "1"}), "objectives"),
        (wire.Plan(objectives={"error_rate": "fast"}), "objectives.error_rate"),
        (wire.Plan(steps=[wire.RolloutStep(percent=101)]), "percent"),
        (wire.Plan(steps=[wire.RolloutStep(percent=1, seconds=float("nan"))]), "seconds"),
        (wire.Plan(least_requests=-1), "least_requests"),
    ],
    ids=["probe", "no-bound", "measure", "bound", "percent", "nan", "least"],
)
def test_what_is_no_plan(message: wire.Plan, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        plan_of(message)
    assert caught.value.details["field"] == field
