"""What a rollout's gates found, as evaluations of its candidate."""

from collections.abc import Iterator
from datetime import datetime

from colonnade.registry.evaluations import Evaluation, Measured, evaluation_id
from colonnade.registry.rollouts.machine import GateResult, Outcome, Rollout
from colonnade.registry.rollouts.plan import Gate

BY = "platform/registry"


def found_by_gates(before: Rollout, after: Rollout, at: datetime) -> Iterator[Evaluation]:
    """Of gates that were asked between the two, or that came to another outcome when asked again."""
    asked = zip(after.plan.gates, after.gates, strict=False)
    for index, (gate, result) in enumerate(asked):
        known = before.gates[index].outcome if index < len(before.gates) else None
        if result.outcome is not known and (results := _results(gate, result)):
            measured = Measured(
                after.model, after.candidate, _suite(gate), results, result.suite_digest,
                "passed" if result.outcome is Outcome.PASSED else "failed", after.id,
            )  # fmt: skip
            yield Evaluation(evaluation_id(at), measured, BY, at)


def _suite(gate: Gate) -> str:
    return f"{gate.probe}:{gate.texts}" if gate.texts else str(gate.probe)


def _results(gate: Gate, result: GateResult) -> dict[str, float]:
    """The candidate's figure and, where it was asked too, the stable version's; nothing was measured else."""
    if result.figure is None:
        return {}
    stable = {} if result.stable is None else {"stable": result.stable}
    return {str(gate.probe): result.figure} | stable
