"""Policies as people write them."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.registry.rollouts.plan import Bound, Gate, Measure, Objective, Plan, Probe, Step
from colonnade.registry.rollouts.policies import policies_in, policy_of


def test_those_that_come_with_the_platform() -> None:
    found = policies_in(None)
    assert set(found) == {"careful", "quick", "gates"}
    assert all(policy.description and policy.plan.gates for policy in found.values())
    assert found["careful"].plan.shadow == Step(10, 60)


def test_a_policy_in_full(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(
        "description: Ours\n"
        "gates:\n"
        "- {probe: perplexity, bound: 1.05x, texts: legal}\n"
        "- {probe: bias, bound: 0.1, optional: true}\n"
        "shadow: {percent: 5, seconds: 1.5}\n"
        "steps: [{percent: 1, seconds: 60, requests: 7}, {percent: 100}]\n"
        "objectives: {error_rate: 0.01, tokens_per_second: 0.8x}\n"
        "least_requests: 3\n"
    )
    (tmp_path / "quick.yaml").write_text("description: Quicker\n")
    found = policies_in(tmp_path)
    assert found["ours"].plan == Plan(
        (
            Gate(Probe.PERPLEXITY, Bound(1.05, True), "legal"),
            Gate(Probe.BIAS, Bound(0.1), required=False),
        ),
        Step(5, 1.5),
        (Step(1, 60, 7), Step(100, 0)),
        (
            Objective(Measure.ERROR_RATE, Bound(0.01)),
            Objective(Measure.TOKENS_PER_SECOND, Bound(0.8, True)),
        ),
        3,
    )
    assert found["quick"].plan == Plan()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gates: [", "not YAML"),
        ("- a", "policy"),
        ("", "policy"),
        ("gatess: []", "gatess"),
        ("gates: [{probe: luck, bound: 1}]", "gates.0.probe"),
        ("gates: [{probe: tasks}]", "gates.0.bound"),
        ("gates: [{probe: tasks, bound: fast}]", "tasks bound"),
        ("steps: [{percent: 0, seconds: 1}]", "percent"),
        ("steps: [{percent: 5, seconds: -1}]", "seconds"),
        ("steps: [{percent: 50}, {percent: 5}]", "steps"),
        ("steps: [{percent: 5.5}]", "steps.0.percent"),
        ("steps: [{percent: yes}]", "steps.0.percent"),
        ("shadow: {percent: 5, requests: 3}", "not for requests"),
        ("objectives: {error_rate: 2x}", "error_rate"),
        ("objectives: {luck: 1}", "objectives.luck"),
        ("least_requests: 0", "least_requests"),
        ("description: !!python/object:os.system {}", "not YAML"),
        ("steps: [" + "{percent: 1}," * 30 + "]", "steps"),
        ("description: " + "x" * 70_000, "at most"),
    ],
    ids=lambda value: value[:24].strip(),
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "ours.yaml").write_text(text)
    with pytest.raises(InvalidArgument, match="policy ours: ") as caught:
        policies_in(tmp_path)
    assert words in caught.value.message


@given(st.text(max_size=200))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with suppress(ColonnadeError):
        policy_of("any", text)
