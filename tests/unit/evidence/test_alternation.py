from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from evidence.performance.alternation import alternate, order

_NAMES = st.lists(st.text(min_size=1), min_size=1, max_size=6, unique=True)


def test_the_order_turns_round_every_round() -> None:
    assert list(order(["a", "b", "c"], 3)) == [
        (0, "a"), (0, "b"), (0, "c"), (1, "c"), (1, "b"), (1, "a"), (2, "a"), (2, "b"), (2, "c"),
    ]  # fmt: skip


@given(_NAMES, st.integers(0, 5))
def test_everyone_has_one_turn_a_round(names: list[str], rounds: int) -> None:
    turns = Counter(order(names, rounds))
    assert turns == Counter((index, name) for index in range(rounds) for name in names)


@given(_NAMES, st.integers(1, 3).map(lambda half: 2 * half))
def test_nobody_is_first_or_last_more_often_than_the_one_at_the_other_end(
    names: list[str], rounds: int
) -> None:
    turns = list(order(names, rounds))
    firsts = Counter(name for place, (_, name) in enumerate(turns) if place % len(names) == 0)
    assert firsts[names[0]] == firsts[names[-1]]


def test_samples_come_in_the_order_of_rounds() -> None:
    told: list[str] = []
    measures = {"a": lambda index: 10 * index, "b": lambda index: 10 * index + 1}
    assert alternate(measures, 3, told.append) == {"a": [0, 10, 20], "b": [1, 11, 21]}
    assert told[0] == "round 1 of 3: a"
    assert len(told) == 6


def test_who_does_not_go_on_has_the_first_round_alone() -> None:
    """Judged once, when all have had their first turn."""
    judged: list[dict[str, list[float]]] = []

    def goes_on(name: str, first: Mapping[str, list[float]]) -> bool:
        judged.append({each: list(samples) for each, samples in first.items()})
        return 2 * first[name][0] > max(samples[0] for samples in first.values())

    measures = {"fast": lambda index: 10.0, "slow": lambda index: 4.0, "middling": lambda index: 6.0}
    samples = alternate(measures, 3, goes_on=goes_on)
    assert samples == {"fast": [10.0] * 3, "slow": [4.0], "middling": [6.0] * 3}
    assert judged == [{"fast": [10.0], "slow": [4.0], "middling": [6.0]}] * 3
