"""What a person may do to something that goes on, and why not."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Act:
    """What a person may do; ``hint``: why not, or nothing."""

    name: str
    label: str
    told: str
    hint: str = ""


def hints_of(acts: Sequence[Act]) -> str:
    """Why some may not be done, in a line: each why once, with those that it holds for, unless for all."""
    labels: dict[str, list[str]] = {}
    for act in acts:
        if act.hint:
            labels.setdefault(act.hint, []).append(act.label)
    return " ".join(
        hint if len(named) == len(acts) else f"{' and '.join(named)}: {hint}"
        for hint, named in labels.items()
    )
