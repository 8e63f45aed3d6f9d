"""Sampled answers have the model's distribution, however good or bad the guesses are.

The model's next token depends on the one before it alone, so the chance of every answer can be worked out.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import product

import pytest
import torch
from torch import Tensor

from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.sampling import Sampling
from colonnade.engine.speculation.guessers import Guesser, Wanted
from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.protocol import Batch, Outputs, State
from tests.unit.engine.speculation.driving import Request, drive
from tests.unit.engine.toys import spelling
from tests.unit.engine.toys.parts import Toy

WORDS, LENGTH, DRAWS, TEMPERATURE = 2, 3, 600, 0.8
CRITICAL = 24.3
"""Of chi-square with 7 degrees of freedom: exceeded by chance once in a thousand."""


class Chain(Toy):
    """Logits are a row of a table, by the token before."""

    vocab_size = WORDS

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.table_VV = torch.randn(WORDS, WORDS, generator=self._generator)

    def forward(self, batch: Batch, state: State) -> Outputs:
        return Outputs(self.table_VV[batch.tokens_N][batch.want_W])

    def decoder(self) -> AutoregressiveDecoder:
        return AutoregressiveDecoder()


class TableGuesser:
    """Guesses from a table of its own, with the request's sampler: a draft model without the machinery."""

    def __init__(self, table_VV: Tensor) -> None:
        self._table_VV = table_VV

    def guess(self, wanted: Sequence[Wanted]) -> list[Sequence[int]]:
        return [self._one(each) for each in wanted]

    def leave(self, handle: int) -> None:
        pass

    def _one(self, wanted: Wanted) -> list[int]:
        guess: list[int] = []
        for _ in range(wanted.count):
            row_V = self._table_VV[[*wanted.view.tokens, *guess][-1]]
            place = len(wanted.view.tokens) + len(guess)
            guess.append(wanted.sample(row_V, place, after=tuple(guess)).id)
        return guess


def _target() -> Chain:
    return Chain(1)


_DRAFTS = {
    "same": lambda: TableGuesser(_target().table_VV),
    "near": lambda: TableGuesser(_target().table_VV + 0.5 * Chain(2).table_VV),
    "opposite": lambda: TableGuesser(-3.0 * _target().table_VV),
    "stubborn": lambda: TableGuesser(torch.tensor([[50.0, 0.0]]).expand(WORDS, WORDS)),
}


def _chances(table_VV: Tensor) -> dict[tuple[int, ...], float]:
    chances_VV = (table_VV.double() / TEMPERATURE).softmax(1)
    found = {}
    for answer in product(range(WORDS), repeat=LENGTH):
        chance, before = 1.0, 0
        for word in answer:
            chance *= float(chances_VV[before, word])
            before = word
        found[answer] = chance
    return found


def _draws(guesser: Guesser | None) -> tuple[list[tuple[int, ...]], float]:
    """Answers of many seeds, and the share of guesses that were right."""
    model = _target()
    made = Runtime(ModelRef("chain", 1, "sha256:chain"), "chain", model, spelling.tokenizer())
    requests = [
        drive(made, Request([0], LENGTH, Sampling(TEMPERATURE, seed=seed)), guesser, count=2)
        for seed in range(DRAWS)
    ]
    right, judged = (sum(getattr(each.tally, what) for each in requests) for what in ("accepted", "proposed"))
    return [tuple(each.ids) for each in requests], right / max(1, judged)


def _chi_square(answers: Sequence[tuple[int, ...]]) -> float:
    seen = Counter(answers)
    expected = {answer: DRAWS * chance for answer, chance in _chances(_target().table_VV).items()}
    assert min(expected.values()) > 5, "few draws of a kind say nothing"
    return sum((seen[answer] - mean) ** 2 / mean for answer, mean in expected.items())


@pytest.mark.parametrize("kind", _DRAFTS)
def test_the_distribution_is_the_models(kind: str) -> None:
    answers, share = _draws(_DRAFTS[kind]())
    assert _chi_square(answers) < CRITICAL
    assert {"same": 1.0, "near": 0.6, "opposite": 0.0, "stubborn": 0.0}[kind] <= share
    assert share <= {"same": 1.0, "near": 0.99, "opposite": 0.6, "stubborn": 0.6}[kind]


def test_the_test_would_see_another_distribution() -> None:
    """Were guesses taken as they are, the answers would be the draft's."""
    model = _target()
    model.table_VV = model.table_VV + 0.5 * Chain(2).table_VV
    made = Runtime(ModelRef("chain", 1, "sha256:chain"), "chain", model, spelling.tokenizer())
    answers = [
        tuple(drive(made, Request([0], LENGTH, Sampling(TEMPERATURE, seed=seed))).ids)
        for seed in range(DRAWS)
    ]
    assert _chi_square(answers) > CRITICAL
