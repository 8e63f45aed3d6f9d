"""How many replicas there should be: enough that none has more than its share, and no more than that."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from colonnade.serving.scaling import policy, wanted

loads = st.lists(st.floats(0, 1e4, allow_subnormal=False), max_size=20)
targets = st.floats(0.5, 500)


@dataclass
class Context:
    aggregated_metrics: dict[str, dict[Any, float]] | None
    target_num_replicas: int = 3
    config: Any = field(default_factory=lambda: SimpleNamespace(target_ongoing_requests=10))


@given(loads, targets)
def test_each_has_its_share_at_most_and_one_fewer_would_not_do(requests: list[float], target: float) -> None:
    number = wanted(requests, target)
    assert sum(requests) <= number * target * (1 + 1e-9)
    assert number == 0 or sum(requests) > (number - 1) * target * (1 - 1e-9)


@given(loads, targets, st.floats(0, 1e4))
def test_more_work_never_wants_fewer(requests: list[float], target: float, more: float) -> None:
    assert wanted([*requests, more], target) >= wanted(requests, target)


@given(loads, targets)
def test_only_the_sum_counts(requests: list[float], target: float) -> None:
    assert abs(wanted(requests, target) - wanted([sum(requests)], target)) == 0


def test_queues_of_all_replicas_are_added_up() -> None:
    reports = {"requests": {"a": 25.0, "b": 1.5}, "outstanding_tokens": {"a": 9e9}}
    assert policy(Context(reports)) == (3, {})
    assert policy(Context({"requests": {"a": 0.0}})) == (0, {}), "Ray keeps to the least there may be"


def test_without_a_report_nothing_changes() -> None:
    assert policy(Context(None, target_num_replicas=4)) == (4, {})
    assert policy(Context({}, target_num_replicas=4)) == (4, {})
    assert policy(Context({"running_requests": {"a": 0.0}}, target_num_replicas=4)) == (4, {})
