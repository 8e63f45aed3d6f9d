"""How well the bundled language model judges: a part of the page of claims."""

from collections.abc import Iterator
from typing import Any

_INTRODUCTION = """## What a small model finds as a judge

The scorers `judge-...` with the bundled SmolLM2-135M-Instruct, beside the classifiers of `embedded`, on the
same texts: of each set above up to 15. Both at {threshold}, a rule's default. The area is how often, of a
harmful and a harmless text, the harmful one scores higher: 0.5 is chance. Beside it the area of the length of
the text: harmful texts of some sets are longer, and a text counts by its worst unit, so that longer ones
score higher anyway. *Texts* are harmful and harmless ones. `make evidence-judge` measures it again.
"""
_END = """
So this model is no judge. It flags most harmless texts; lower down it still tells harm from what is harmless
somewhat better than chance, but toxicity no better, and injections no better than their mere length does.
With so few texts an area is known to about 0.1. `COLONNADE_ETHICS_JUDGE_MODEL` names a larger model; none has
been measured.
"""


def section(result: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Its text; it has no pictures."""
    parts = [_INTRODUCTION.format(threshold=result["threshold"]), *_figures(result), _END]
    parts.append(f"Measured {result['measured']} at `{result['commit']}`, in {result['seconds']:.0f} s.\n")
    return "\n".join(parts), {}


def _figures(result: dict[str, Any]) -> Iterator[str]:
    yield "| looked for | by | precision | recall | F1 | harmless flagged | area | of length | texts |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for each in result["figures"]:
        yield (
            f"| {each['category']} | {each['system']} | {each['precision']:.3f} | {each['recall']:.3f} "
            f"| {each['f1']:.3f} | {100 * each['flagged']:.0f}% | {each['area']:.2f} "
            f"| {each['area_of_length']:.2f} | {each['harmful']}, {each['harmless']} |"
        )
