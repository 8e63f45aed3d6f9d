"""Policies' own tests."""

from colonnade.ethics.domain.policy import Action
from colonnade.ethics.policies import default_policy, policy_of, run_tests
from tests.unit.ethics.streams import SCORERS

POLICY = """
name: p
rules:
  - {id: mail, scorer: email, action: mask, replacement: x}
  - {id: cards, scorer: card, action: refuse, reason: Never}
tests:
"""


async def test_the_default_policy_passes_its_own() -> None:
    outcomes = await run_tests(default_policy(), SCORERS)
    assert len(outcomes) >= 15
    assert [each.trial.text for each in outcomes if not each.passed] == []


async def test_the_gravest_decision_counts_and_what_is_unlike_fails() -> None:
    text = 'text: "a@b.org 4111111111111111", side: output'
    policy = policy_of(
        POLICY
        + f"  - {{{text}, expect: {{action: refuse, rule: cards}}}}\n"
        + f"  - {{{text}, expect: {{action: refuse, rule: mail}}}}\n"
        + f"  - {{{text}, expect: {{action: mask}}}}\n"
        + "  - {text: hello, side: input, expect: {action: allow}}\n"
        + "  - {text: hello, side: input, expect: {action: allow, rule: mail}}\n"
    )
    outcomes = await run_tests(policy, SCORERS)
    assert [each.passed for each in outcomes] == [True, False, False, True, False]
    assert (outcomes[0].action, outcomes[0].rule) == (Action.REFUSE, "cards")
    assert (outcomes[3].action, outcomes[3].rule, outcomes[3].decisions) == (Action.ALLOW, "", ())
