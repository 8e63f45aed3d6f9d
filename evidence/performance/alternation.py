"""Rounds in which every engine has its turn: A B C, C B A, A B C ...

What else happens on the machine drifts over minutes. Engines that are measured seconds apart share it, and
turning the order round from one round to the next takes out what being first or last brings.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

Sample = TypeVar("Sample")


def order(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Who is measured in which round, in order."""
    for index in range(rounds):
        for name in names if index % 2 == 0 else reversed(names):
            yield index, name


def alternate(
    measures: Mapping[str, Callable[[int], Sample]],
    rounds: int,
    tell: Callable[[str], None] = lambda _: None,
    goes_on: Callable[[str, Mapping[str, list[Sample]]], bool] = lambda name, first: True,
) -> dict[str, list[Sample]]:
    """The samples of each engine, one a round. A measure gets the number of its round. ``goes_on`` says after
    the first round, by everyone's samples of it, who stays for the others."""
    samples: dict[str, list[Sample]] = {name: [] for name in measures}
    staying, judged = set(measures), False
    for index, name in order(list(measures), rounds):
        if index and not judged:
            staying, judged = {each for each in measures if goes_on(each, samples)}, True
        if name in staying:
            tell(f"round {index + 1} of {rounds}: {name}")
            samples[name].append(measures[name](index))
    return samples
