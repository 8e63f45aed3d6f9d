"""What gates found, as evaluations: once for each outcome, with the set that was asked."""

from dataclasses import replace

from colonnade.registry.adapters.evaluator import Probes, Task
from colonnade.registry.domain import Target
from colonnade.registry.rollouts.findings import found_by_gates
from colonnade.registry.rollouts.machine import GateResult, Outcome, Rollout, begun
from colonnade.registry.rollouts.plan import Bound, Gate, Plan, Probe, Step
from tests.unit.registry.fakes import START

TASKS, SPEED = Gate(Probe.TASKS, Bound(0.5), "support"), Gate(Probe.TOKENS_PER_SECOND, Bound(1))
PLAN = Plan(gates=(TASKS, SPEED), steps=(Step(10, 60),))
PASSED, SLOW = GateResult(Outcome.PASSED, 0.75, 0.5), GateResult(Outcome.FAILED, 0.5)


def rollout(*gates: GateResult) -> Rollout:
    return replace(begun("ro_1", "smol", "production", 2, [Target(1, 100)], PLAN, START), gates=gates)


def found(before: Rollout, after: Rollout) -> list[tuple[str, dict[str, float], str, str]]:
    kept = [each.measured for each in found_by_gates(before, after, START)]
    assert all((each.model, each.version) == ("smol", 2) for each in kept)
    return [(each.suite, dict(each.results), each.outcome, each.origin) for each in kept]


def test_a_gate_that_was_asked_is_an_evaluation() -> None:
    assert found(rollout(), rollout(PASSED)) == [
        ("tasks:support", {"tasks": 0.75, "stable": 0.5}, "passed", "ro_1")
    ]
    assert found(rollout(PASSED), rollout(PASSED, SLOW)) == [
        ("tokens_per_second", {"tokens_per_second": 0.5}, "failed", "ro_1")
    ]
    assert found(rollout(PASSED), rollout(PASSED)) == []


def test_asked_again_only_another_outcome_counts() -> None:
    before = rollout(PASSED, replace(SLOW, outcome=Outcome.PASSED))
    assert found(before, rollout(replace(PASSED, figure=0.8), before.gates[1])) == []
    worse = replace(PASSED, outcome=Outcome.FAILED, figure=0.1)
    assert found(before, rollout(worse, before.gates[1])) == [
        ("tasks:support", {"tasks": 0.1, "stable": 0.5}, "failed", "ro_1")
    ]


def test_where_nothing_was_measured_there_is_no_evaluation() -> None:
    nothing = GateResult(Outcome.FAILED, why="the version could not be asked")
    assert found(rollout(), rollout(GateResult(Outcome.SKIPPED), nothing)) == []


def test_a_set_has_a_digest_that_changes_with_what_is_asked() -> None:
    perplexity = Gate(Probe.PERPLEXITY, Bound(1))
    probes = Probes({"prose": ["a", "b"]}, {"support": [Task("2+2", "4")]})
    digests = {probes.digest_of(perplexity), probes.digest_of(TASKS)}
    assert all(len(digest) == 71 and digest.startswith("sha256:") for digest in digests)
    changed = Probes({"prose": ["a", "c"]}, {"support": [Task("2+2", "5")]})
    assert digests.isdisjoint({changed.digest_of(perplexity), changed.digest_of(TASKS)})
    assert probes.digest_of(perplexity) == Probes({"prose": ["a", "b"]}, {}).digest_of(perplexity)
    assert probes.digest_of(SPEED) == probes.digest_of(replace(TASKS, texts="other")) == ""
