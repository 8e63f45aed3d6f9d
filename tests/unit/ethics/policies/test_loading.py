"""Policies as YAML."""

from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action, OnFailure
from colonnade.ethics.policies import default_policy, policies_in, policy_of

SMALL = "{name: small, rules: [{id: cards, scorer: card, action: mask, replacement: x}]}"


def test_what_is_written_is_read() -> None:
    policy = policy_of(
        """
        name: support
        description: For the help desk
        holding: {characters: 900, timeout_seconds: 0.5}
        rules:
          - {id: mail, scorer: email, sides: [input], threshold: 0.9, action: allow, on_failure: allow}
          - {id: injection, scorer: injection, categories: [override], action: refuse, reason: Never}
        tests:
          - {text: hello, side: output, expect: {action: allow}}
        """
    )
    mail, injection = policy.rules
    assert (policy.name, policy.holding.characters, policy.holding.timeout_seconds) == ("support", 900, 0.5)
    assert (mail.sides, mail.threshold, mail.on_failure) == (frozenset({Side.INPUT}), 0.9, OnFailure.ALLOW)
    assert (injection.categories, injection.action, injection.sides) == (
        frozenset({"override"}),
        Action.REFUSE,
        frozenset(Side),
    )
    assert (policy.trials[0].text, policy.trials[0].expect.action) == ("hello", Action.ALLOW)


def test_the_version_is_of_what_a_policy_means() -> None:
    other = """
    # How it is written does not matter
    name: small
    description: More words
    rules:
      - {scorer: card, id: cards, sides: [output, input], threshold: 0.5, replacement: "x", action: mask}
    tests: [{text: "", side: input, expect: {action: allow}}]
    """
    assert policy_of(SMALL).version == policy_of(other).version
    assert policy_of(SMALL).version != policy_of(SMALL.replace("replacement: x", "replacement: y")).version
    assert policy_of(SMALL).version.startswith("sha256:")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nrules: [", "it is not YAML, line 2: "),
        ("[" * 5000, "it is not YAML"),
        ("just text", "policy: Input should be"),
        ("{name: a}", "rules: Field required"),
        ("{name: A b, rules: []}", "name: String should match"),
        (SMALL.replace("rules", "rule"), "rules: Field required"),
        (SMALL.replace("id: cards", "id: cards, colour: red"), "rules.0.colour: Extra inputs"),
        (
            SMALL.replace("mask", "hide"),
            "rules.0.action: Input should be 'allow', 'mask', 'regenerate' or 'refuse'",
        ),
        (
            SMALL.replace("id: cards", "id: cards, threshold: 2"),
            "rules.0.threshold: Input should be less than or equal to 1",
        ),
        (SMALL.replace("id: cards", "id: cards, threshold: .nan"), "rules.0.threshold"),
        (
            SMALL.replace("id: cards", "id: cards, sides: [both]"),
            "rules.0.sides.0: Input should be 'input' or 'output'",
        ),
        (SMALL.replace(", replacement: x", ""), "rules.0: .*the action mask needs a replacement"),
        (
            SMALL.replace("mask", "allow"),
            "rules.0: .*the action allow has no use for a replacement; leave it out",
        ),
        (
            SMALL.replace("mask, replacement: x", "regenerate, guidance: x"),
            r"rules.0: .*write sides: \[output\]",
        ),
        (SMALL.replace("mask, replacement: x", "refuse"), "rules.0: .*the action refuse needs a reason"),
        (SMALL.replace("[{", "[{id: cards, scorer: iban, action: allow}, {"), "two rules are called cards"),
        (
            SMALL[:-1] + ", tests: [{text: a, side: input, expect: {action: mask, rule: x}}]}",
            "tests.0 expects the rule x",
        ),
        (SMALL[:-1] + ", holding: {characters: 0}}", "holding.characters: Input should be greater"),
        (" " * 300_000, "262144 characters at most"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        policy_of(text)


def test_a_folder_adds_policies_and_may_replace_the_default(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "default.yaml").write_text(SMALL.replace("small", "default"))
    found = policies_in(tmp_path)
    assert set(found) == {"small", "default"}
    assert len(found["default"].rules) == 1
    assert set(policies_in(None)) == {"default"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("other.yaml", SMALL.encode(), "other.yaml: name: it is called small; call the file small.yaml"),
        ("small.yaml", b"name: \xff", "small.yaml: it is not UTF-8"),
        ("small.yaml", b"name: small", "small.yaml: rules: Field required"),
    ],
)
def test_what_is_wrong_names_the_file(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgument, match=said):
        policies_in(tmp_path)


def test_the_default_policy_says_what_it_is_for() -> None:
    policy = default_policy()
    assert policy.name == "default"
    assert {rule.action for rule in policy.rules} == {Action.MASK, Action.REFUSE, Action.REGENERATE}
