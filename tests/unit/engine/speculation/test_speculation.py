"""Guessing between two forwards: who is guessed for, how far, and what a guesser's fault costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from colonnade.engine.sampling import Sampling, TokenSampler
from colonnade.engine.speculation.decoder import SpeculativeDecoder
from colonnade.engine.speculation.guessers import LookupGuesser, Wanted
from colonnade.engine.speculation.lengths import Fixed
from colonnade.engine.speculation.speculation import Speculation
from colonnade.models.protocol import Decoder, Sampler
from tests.unit.engine.toys.loaded import runtime


@dataclass
class Asked:
    """What ``Speculation`` sees of a sequence."""

    handle: int
    tokens: list[int]
    committed: int
    remaining: int
    decoder: Decoder
    lookahead: int = 0
    sampler: Sampler = field(init=False)

    def __post_init__(self) -> None:
        self.sampler = TokenSampler(Sampling(), self.tokens)

    @property
    def pending(self) -> int:
        return len(self.tokens) - self.committed


class Recorder:
    """Guesses ones; fails for the handles it is told to."""

    def __init__(self, *poison: int) -> None:
        self.poison = poison
        self.asked: list[list[tuple[int, int]]] = []
        self.left: list[int] = []

    def guess(self, wanted: Sequence[Wanted]) -> list[Sequence[int]]:
        self.asked.append([(each.view.handle, each.count) for each in wanted])
        if any(each.view.handle in self.poison for each in wanted):
            raise RuntimeError("no guess")
        return [[1] * each.count for each in wanted]

    def leave(self, handle: int) -> None:
        self.left.append(handle)


def _asked(
    speculation: Speculation, handle: int, *, pending: int = 1, remaining: int = 10, lookahead: int = 3
) -> Asked:
    made = runtime("autoregressive")
    decoder = speculation.decoder(made.model, made.model.decoder())
    return Asked(handle, list(range(20)), 20 - pending, remaining, decoder, lookahead)


def _guess(asked: Asked) -> list[int]:
    assert isinstance(asked.decoder, SpeculativeDecoder)
    return list(asked.decoder.guess)


def test_those_that_generate_are_guessed_for_within_their_grants() -> None:
    guesser = Recorder()
    speculation = Speculation(guesser, Fixed(3))
    whole, cut, short, prompt = (
        _asked(speculation, 1),
        _asked(speculation, 2),
        _asked(speculation, 3, remaining=2),
        _asked(speculation, 4, pending=6),
    )
    alone, last = _asked(speculation, 5), _asked(speculation, 6, remaining=1)
    speculation.prepare([(whole, 4), (cut, 3), (short, 4), (prompt, 6), (alone, 1), (last, 4)])
    assert guesser.asked == [[(1, 3), (2, 2), (3, 1)]]
    assert [len(_guess(each)) for each in (whole, cut, short, prompt, alone, last)] == [3, 2, 1, 0, 0, 0]


def test_the_next_step_is_told_what_is_wanted() -> None:
    speculation = Speculation(Recorder(), Fixed(3))
    generating, nearly, far, short = (
        _asked(speculation, 1, lookahead=0),
        _asked(speculation, 2, pending=6, lookahead=0),
        _asked(speculation, 3, pending=9, lookahead=0),
        _asked(speculation, 4, remaining=2, lookahead=0),
    )
    speculation.prepare([(generating, 1), (nearly, 6), (far, 6), (short, 1)])
    # The second generates after this step; the third still has some of its prompt then.
    assert [each.lookahead for each in (generating, nearly, far, short)] == [3, 3, 0, 1]


@pytest.mark.parametrize("poison", [(2,), (1, 2, 3)])
def test_a_fault_costs_the_guesses_of_those_it_is_theirs_and_no_more(poison: tuple[int, ...]) -> None:
    guesser = Recorder(*poison)
    speculation = Speculation(guesser, Fixed(3))
    three = [_asked(speculation, handle) for handle in (1, 2, 3)]
    speculation.prepare([(each, 4) for each in three])
    fine = [each for each in three if each.handle not in poison]
    assert [each.handle for each in three if _guess(each)] == [each.handle for each in fine]
    assert guesser.left == list(poison)
    assert all(each.lookahead == 0 for each in three if each.handle in poison)
    speculation.prepare([(each, 4) for each in three])
    assert guesser.asked[-1:] == ([[(each.handle, 3) for each in fine]] if fine else [[(3, 3)]])


def test_other_decoders_are_left_alone() -> None:
    speculation = Speculation(Recorder(), Fixed(3))
    for family in ("early_exit", "block_diffusion", "recurrent"):
        model = runtime(family).model
        plain = model.decoder()
        assert speculation.decoder(model, plain) is plain
        speculation.prepare([(Asked(1, [1, 2], 1, 5, plain, 3), 4)])


def test_an_index_lives_as_long_as_its_sequence() -> None:
    guesser = LookupGuesser()
    speculation = Speculation(guesser, Fixed(3))
    asked = _asked(speculation, 1)
    asked.tokens[:] = [1, 2, 3, 4] * 5
    speculation.prepare([(asked, 4)])
    assert _guess(asked) == [1, 2, 3]
    assert guesser.sequences == 1
    speculation.leave(1)
    assert guesser.sequences == 0
