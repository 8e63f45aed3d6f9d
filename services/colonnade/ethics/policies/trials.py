"""A policy's own tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colonnade.ethics.domain.decision import Decision, gravest
from colonnade.ethics.domain.policy import Action, Policy, Trial
from colonnade.ethics.ports import Scorer
from colonnade.ethics.screening import Screening


@dataclass(frozen=True, slots=True)
class Outcome:
    trial: Trial
    passed: bool
    action: Action
    """The gravest of its decisions'."""
    rule: str
    """Whose that was; empty where nothing was decided."""
    decisions: tuple[Decision, ...]


async def run_tests(policy: Policy, scorers: Mapping[str, Scorer]) -> Sequence[Outcome]:
    """Each test of the policy, in order."""
    return [await _run(policy, scorers, trial) for trial in policy.trials]


async def _run(policy: Policy, scorers: Mapping[str, Scorer], trial: Trial) -> Outcome:
    verdict = await Screening(policy, scorers).screen(trial.side, trial.text, last=True)
    action, rule = gravest(verdict.decisions)
    named = {each.rule for each in verdict.decisions if each.action is action}
    passed = action is trial.expect.action and (not trial.expect.rule or trial.expect.rule in named)
    return Outcome(trial, passed, action, rule, verdict.decisions)
