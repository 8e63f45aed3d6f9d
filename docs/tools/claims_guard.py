"""What the guard finds: a part of the page of claims."""

from collections.abc import Iterator
from typing import Any

from docs.tools.charts import Line, lines

PICTURES = "pictures/claims"
_INTRODUCTION = """## What the guard finds

The classifiers of the scorer `embedded`, the wordings of the [default
policy](screening.md#the-default-policy) (scores from 0.9 on), and a published guard, SecureVector Guardian,
on the same texts. Of what is judged here no text was learned from, nor any that shares much with one; the
thresholds were not chosen on it: they are a rule's default, the default policy's, and the middle of
Guardian's scale. Of each set up to 100 texts are judged, and of a text its first 2,000 characters ([where
they are from](data.md#texts-that-the-guard-is-judged-by)). `make evidence-guard` measures it again, and
writes this page.

Guardian gives one score for all kinds of threats and does not claim to find toxicity; for that it stands
here for comparison alone. The classifiers learned toxicity from other texts of RealToxicityPrompts, so that
this set is not unlike what they know. What counts as found is the worst unit of a text.
"""


def section(result: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Its text, and its pictures by their paths in docs."""
    categories = list(dict.fromkeys(each["category"] for each in result["figures"]))
    pictures = {f"{PICTURES}/guard-{category}.svg": _picture(result, category) for category in categories}
    parts = [_INTRODUCTION, *_figures(result, categories), *_flagged(result), _end(result)]
    return "\n".join(parts), pictures


def _figures(result: dict[str, Any], categories: list[str]) -> Iterator[str]:
    yield "| looked for | by | threshold | precision | recall | F1 | harmful, harmless texts |"
    yield "|---|---|---|---|---|---|---|"
    for each in result["figures"]:
        at = result["thresholds"][each["system"]]
        yield (
            f"| {each['category']} | {each['system']} | {at} | {each['precision']:.3f} "
            f"| {each['recall']:.3f} | {each['f1']:.3f} | {each['harmful']}, {each['harmless']} |"
        )
    yield ""
    for category in categories:
        yield f"![Precision and recall: {category}]({PICTURES}/guard-{category}.svg)\n"


def _flagged(result: dict[str, Any]) -> Iterator[str]:
    columns = list(dict.fromkeys((each["system"], each["category"]) for each in result["flagged"]))
    columns = [each for each in columns if not each[0].startswith("SecureVector") or each[1] == "injection"]
    shares = {
        (each["set"], each["harmful"], each["system"], each["category"]): each["share"]
        for each in result["flagged"]
    }
    for harmful, title in ((False, "Harmless texts that are flagged all the same"), (True, "Harmful texts")):
        names = [
            "any threat" if system.startswith("SecureVector") else category for system, category in columns
        ]
        yield f"### {title}\n"
        yield (
            "| set | texts | "
            + " | ".join(
                f"{system.split(' 1')[0]}: {name}" for (system, _), name in zip(columns, names, strict=True)
            )
            + " |"
        )
        yield "|---|---|" + "---|" * len(columns)
        for each in result["sets"]:
            if each["harmful"] is harmful:
                cells = [f"{100 * shares[each['set'], harmful, *column]:.0f}%" for column in columns]
                yield f"| {each['set']} | {each['texts']} | " + " | ".join(cells) + " |"
        yield ""


def _end(result: dict[str, Any]) -> str:
    return f"Measured {result['measured']} at `{result['commit']}`, in {result['seconds']:.0f} s.\n"


def _picture(result: dict[str, Any], category: str) -> str:
    drawn = [
        Line(each["system"].split(" 1")[0], [(recall, precision) for recall, precision in each["curve"]])
        for each in result["figures"]
        if each["category"] == category and each["curve"]
    ]
    return lines(f"Precision over recall: {category}", "recall", "precision", drawn)
