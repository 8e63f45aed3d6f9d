"""What reward models learn from published pairs: a part of the page of claims."""

from collections.abc import Iterator
from typing import Any

_INTRODUCTION = """## What a reward model learns

Published pairs of a better and a worse answer, given through `POST /feedback` and accepted; a [reward
model](feedback.md#reward-models) of them; and how often it prefers the better answer of other pairs, about
prompts that it has not seen, with 95 % intervals. Chance is 50 %. `make evidence-reward` measures it again.

| set | prompt | better | worse |
|---|---|---|---|
| StereoSet, fitting | a sentence about somebody | the sentence against the stereotype | nonsense |
| StereoSet, against the stereotype | the same | the same | the stereotype |
| PIQA | what somebody wants to do | a way that works | one that does not |
| NQ-open | a question | its answer | what a model said, and people found wrong |

No large set of people's preferences among answers is to be had as a package, so these stand in for one: they
say which answer is right or fits, not which one people like.
"""
_END = """
So it learns whether an answer is about the question, and something of which sentence is the stereotype, which
may be little more than their tone. Which way works and which fact is right it does not learn: that is
chance, as for the pairs that come with the platform. Those teach tone and refusals, which these sets do not
ask about.
"""


def section(result: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Its text; it has no pictures."""
    parts = [_INTRODUCTION, *_figures(result), _END]
    parts.append(
        f"Measured {result['measured']} at `{result['commit']}`, in {result['seconds'] / 60:.0f} min.\n"
    )
    return "\n".join(parts), {}


def _figures(result: dict[str, Any]) -> Iterator[str]:
    models = list(result["models"])
    yield (
        "| set | pairs learnt, judged | "
        + " | ".join(f"learnt from {each}" for each in models)
        + " | longer answer |"
    )
    yield "|---|---|" + "---|" * (len(models) + 1)
    found = {(each["learnt"], each["set"]): each for each in result["figures"]}
    for each in result["sets"]:
        shares = [found[model, each["set"]] for model in models]
        cells = " | ".join(_with_interval(share) for share in (*shares, each["always_the_longer"]))
        yield f"| {each['set']} | {each['learnt']}, {shares[0]['pairs']} | {cells} |"


def _with_interval(share: dict[str, Any]) -> str:
    value, low, high = (100 * share[each] for each in ("value", "low", "high"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"
