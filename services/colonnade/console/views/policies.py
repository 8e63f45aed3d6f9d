"""Policies of screening, in words: where each judges, what tests and dry runs found, how one is assigned."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import yaml

from colonnade.client import (
    ArmCounts,
    Assignment,
    DryRun,
    NamedPolicy,
    PolicyTrials,
    PolicyUse,
    ScreeningPolicy,
)
from colonnade.client.screening_calls import NewAssignment
from colonnade.console.views.decisions import ACTIONS
from colonnade.console.views.formats import moment, number, short
from colonnade.errors import InvalidArgument

EVERYWHERE = "*"
EXAMPLE = """name: support
description: For the help desk
rules:
  - {id: mail, scorer: email, sides: [output], action: mask, replacement: "[e-mail]"}
tests:
  - {text: "Write to jane@example.com", side: output, expect: {action: mask, rule: mail}}
  - {text: "What is our return policy?", side: input, expect: {action: allow}}
"""
ALL, SHARE, END, SHADOW, END_SHADOW = "all", "share", "end", "shadow", "end_shadow"
HOW = MappingProxyType(
    {
        ALL: "it judges all requests",
        SHARE: "it is tried on a share of them",
        END: "its trial ends",
        SHADOW: "it is a shadow: recorded, it decides nothing",
        END_SHADOW: "it is no shadow any more",
    }
)


def where(route: str) -> str:
    return "everywhere else" if route == EVERYWHERE else route


def uses_of(policy: ScreeningPolicy) -> list[str]:
    return [_use(each, policy.version) for each in policy.in_use] or ["nowhere"]


def named(policy: NamedPolicy | None) -> str:
    return f"{policy.name} {short(policy.version)}" if policy else ""


def holds_of(held: Assignment) -> str:
    if held.policy:
        return named(held.policy)
    return "the default policy" if held.route == EVERYWHERE else "what holds everywhere else"


def trial_of(held: Assignment) -> str:
    """What is tried beside it, and what both have refused since."""
    if held.candidate is None:
        return "none"
    told = f"{named(held.candidate)}, {held.share} % of the requests"
    if held.candidate_counts is None:
        return told
    return f"{told}; it refused {_counts(held.candidate_counts)}, the other {_counts(held.stable_counts)}"


def since_of(held: Assignment) -> str:
    by = f" by {held.by}" if held.by else ""
    return f"{moment(held.at, 'unknown')}{by}, revision {held.revision}"


def assignment_of(
    how: str, share: float | None, version: str, why: str, held: Sequence[Assignment], route: str
) -> NewAssignment:
    """What accompanies a route and a name; it holds only if nobody else has assigned anything there since
    ``held`` was seen. Raises ``InvalidArgument``."""
    if not why.strip():
        raise InvalidArgument("say why; it is kept with the assignment", field="why")
    percent = {ALL: 100, END: 0, SHADOW: 100, END_SHADOW: 0}.get(how)
    if percent is None:
        if share is None or share != int(share) or not 1 <= share <= 99:
            raise InvalidArgument("the share must be a whole number from 1 to 99", field="share")
        percent = int(share)
    revision = next((each.revision for each in held if each.route == route), 0)
    return {
        "version": version or None, "share": percent, "shadow": how in (SHADOW, END_SHADOW),
        "why": why.strip(), "expected_revision": revision,
    }  # fmt: skip


def trial_rows(trials: PolicyTrials) -> list[tuple[str, str, str, str, str]]:
    """Whether it passes, side, what is expected, what came, and the text."""
    return [
        (
            "passes" if each.passed else "FAILS",
            each.side,
            _by(each.expected.action, each.expected.rule),
            _by(each.action, each.rule),
            each.text,
        )
        for each in trials.outcomes
    ]


def trials_told(trials: PolicyTrials) -> str:
    whole = len(trials.outcomes)
    if not whole:
        return "It has no tests of its own; add some below tests:."
    return f"{number(whole - len(trials.failed))} of {number(whole)} tests pass."


def change_rows(run: DryRun) -> list[tuple[str, str, str, str, str, str]]:
    return [
        (moment(each.at), each.route, each.side, _told(each.before), _by(each.after, each.rule), each.excerpt)
        for each in run.changed
    ]


def run_told(run: DryRun) -> str:
    if not run.screened:
        return "No texts are kept to try it on. Have a sample kept with COLONNADE_ETHICS_KEEP_SAMPLE."
    return f"{number(len(run.changed))} of {number(run.screened)} kept texts would be treated otherwise."


def place_of(text: str, field: str) -> str:
    """``line 5``, where ``rules.0.scorer`` stands, or the deepest part of it that is there; else empty."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return f"line {mark.line + 1}" if mark else ""
    except (yaml.YAMLError, RecursionError):
        return ""
    line = None
    for part in field.split("."):
        at, node = _step(node, part)
        if at is None:
            break
        line = at
    return "" if line is None else f"line {line + 1}"


def _step(node: Any, part: str) -> tuple[int | None, Any]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item.start_mark.line, item
    return None, None


def _use(use: PolicyUse, latest: str) -> str:
    how = "as a shadow" if use.shadow else f"{use.share} %"
    which = f", version {short(use.version)}" if use.version != latest else ""
    return f"{where(use.route)}: {how}{which}"


def _counts(counts: ArmCounts | None) -> str:
    return f"{number(counts.refused)} of {number(counts.requests)}" if counts else "0 of 0"


def _told(action: str) -> str:
    return ACTIONS.get(action, action)


def _by(action: str, rule: str) -> str:
    return f"{_told(action)} by {rule}" if rule else _told(action)
