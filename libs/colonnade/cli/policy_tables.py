"""Policies, their tests, assignments and dry runs as tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from colonnade.cli.terminal import printable, table

if TYPE_CHECKING:
    from rich.table import Table

    from colonnade.client import (
        ArmCounts,
        Assignment,
        ChangedOutcome,
        NamedPolicy,
        PolicyTrial,
        ScreeningPolicy,
    )

_SHOWN, _DIGEST = 60, 19


def policies(found: Sequence["ScreeningPolicy"]) -> "Table":
    rows = table("name", "version", "versions", "in use", "description", right=("versions",))
    for each in found:
        uses = [
            f"{use.route} {'shadow' if use.shadow else f'{use.share}%'}"
            + (f" ({use.version[:_DIGEST]})" if use.version != each.version else "")
            for use in each.in_use
        ]
        rows.add_row(
            each.name, each.version[:_DIGEST], str(len(each.versions)), ", ".join(uses),
            one_line(each.description),
        )  # fmt: skip
    return rows


def assigned(held: Sequence["Assignment"]) -> "Table":
    rows = table("route", "policy", "candidate", "share", "refused", "shadow", "revision", "by", "why")
    for each in held:
        share = f"{each.share}%" if each.candidate else ""
        refused = f"{_counts(each.candidate_counts)}, else {_counts(each.stable_counts)}"
        rows.add_row(
            each.route, version_of(each.policy), version_of(each.candidate), share,
            refused if each.candidate else "", version_of(each.shadow), str(each.revision),
            printable(each.by), one_line(each.why),
        )  # fmt: skip
    return rows


def trials(outcomes: Sequence["PolicyTrial"]) -> "Table":
    rows = table("", "side", "expected", "is", "text")
    for each in outcomes:
        rows.add_row(
            "ok" if each.passed else "FAILED", each.side, _by(each.expected.action, each.expected.rule),
            _by(each.action, each.rule), one_line(each.text),
        )  # fmt: skip
    return rows


def changes(changed: Sequence["ChangedOutcome"]) -> "Table":
    rows = table("at", "route", "side", "now", "then", "text")
    for each in changed:
        rows.add_row(
            f"{each.at:%Y-%m-%d %H:%M:%S}", printable(each.route), each.side, each.before,
            _by(each.after, each.rule), one_line(each.excerpt),
        )  # fmt: skip
    return rows


def version_of(named: "NamedPolicy | None") -> str:
    return f"{named.name} {named.version[:_DIGEST]}" if named else ""


def one_line(text: str) -> str:
    """Its beginning, without what would steer the terminal."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 4]} ..."


def _by(action: str, rule: str) -> str:
    return f"{action} by {rule}" if rule else action


def _counts(counts: "ArmCounts | None") -> str:
    return f"{counts.refused} of {counts.requests}" if counts else "0 of 0"
