"""What is found of personal data: a part of the page of claims."""

from collections.abc import Iterator
from typing import Any

_INTRODUCTION = """## What is found of personal data

{texts:,} texts from the templates of presidio-evaluator, filled in by Faker (seed {seed}) with values of
the United States and Great Britain, so that it is known where everything is. *Patterns* are what the
default policy masks by; beside them [Presidio](https://microsoft.github.io/presidio/) by itself, from a
score of 0.5 on, a rule's default, and all that it finds at whatever score. A finding is right where it lies
on something of its kind. `make evidence-pii` measures it again.

| kind | by | places | precision | recall | of what could be somebody's |
|---|---|---|---|---|---|"""
_END = """
The cards that patterns miss are of 12 digits, of 15 as JCB once had, or Maestro's. Faker draws phone numbers
that no country's plan has, and Great Britain's national insurance numbers where a template asks for a social
security number: patterns leave out what fails a checksum or a plan, and look for numbers of the United
States alone. The last column has the share of those phone numbers that somebody could have, and of those
addresses that are in public networks.

### What patterns do not claim to find

Names, places, groups and dates are for the [scorer `presidio`](screening.md#scorers), which no policy has
unless it is named. With its small model it finds most names, and much that is none; who masks by it should
look at what it masks.

| kind | places | precision | recall |
|---|---|---|---|"""
_HARMLESS = """
### Texts without any, that are flagged all the same

| texts | | patterns | Presidio, from 0.5 on | Presidio, all it finds |
|---|---|---|---|---|"""
_SCORER, _PATTERNS = "scorer presidio", "patterns"


def section(result: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Its text; it has no pictures."""
    parts = [_INTRODUCTION.format(texts=result["texts"], seed=result["seed"]), *_claimed(result), _END]
    for each in result["figures"]:
        if each["system"] == _SCORER:
            parts.append(f"| {each['kind']} | {each['places']} | {each['precision']:.3f} | {_recall(each)} |")
    parts += [_HARMLESS, *_harmless(result), ""]
    parts.append(f"Measured {result['measured']} at `{result['commit']}`, in {result['seconds']:.0f} s.\n")
    return "\n".join(parts), {}


def _claimed(result: dict[str, Any]) -> Iterator[str]:
    figures = [each for each in result["figures"] if each["system"] != _SCORER]
    for kind in dict.fromkeys(each["kind"] for each in figures):
        for each in (one for one in figures if one["kind"] == kind):
            possible = each["possible_right"] / max(1, each["possible"])
            known = f"{possible:.3f}" if each["possible"] < each["places"] else ""
            yield (
                f"| {kind} | {each['system']} | {each['places']} | {each['precision']:.3f} "
                f"| {_recall(each)} | {known} |"
            )


def _recall(figure: dict[str, Any]) -> str:
    low, high = figure["recall_interval"]
    return f"{figure['recall']:.3f} ({low:.2f} to {high:.2f})"


def _harmless(result: dict[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys(each["set"] for each in result["harmless"]):
        of = [each for each in result["harmless"] if each["set"] == name]
        yield f"| {name} | {of[0]['texts']} | " + " | ".join(str(each["flagged"]) for each in of) + " |"
