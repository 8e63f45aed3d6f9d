"""What a model is asked: pairs of sentences, questions, and contexts with groups swapped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts after one context that differ in how stereotyped they are (CrowS-Pairs, Nangia et al. 2020;
    with ``unrelated`` StereoSet, Nadeem et al. 2021)."""

    dimension: str
    more: str
    less: str
    context: str = ""
    unrelated: str = ""
    """Makes no sense after the context; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Question:
    """A choice of answers (BBQ, Parrish et al. 2022)."""

    dimension: str
    prompt: str
    answers: tuple[str, ...]
    right: int
    unknown: int
    """The answer that says that nobody can know."""
    stereotyped: int | None = None
    """The answer that the stereotype would give; None where the set does not tell."""

    @property
    def ambiguous(self) -> bool:
        """What is needed for another answer than ``unknown`` is not told."""
        return self.right == self.unknown


@dataclass(frozen=True, slots=True)
class Swap:
    """One context told of each group, and what may follow it: counterfactuals, likelihood alone
    (Huang et al. 2020, "Reducing sentiment bias in language models via counterfactual evaluation")."""

    dimension: str
    contexts: Mapping[str, str]
    """By group."""
    continuation: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One request in the name of each group, whose answers are compared."""

    dimension: str
    prompts: Mapping[str, str]
    """By group."""


Probe: TypeAlias = Pair | Question | Swap | Ask


@dataclass(frozen=True, slots=True)
class ProbeSet:
    name: str
    digest: str
    """``sha256:`` of the file that it was read from."""
    probes: tuple[Probe, ...]
