"""Answers without a model: tokens drawn by chance among those that a grammar allows."""

from random import Random

import numpy as np

from colonnade.engine.structure import Form, Grammars, Matcher, Structure
from tests.unit.engine.toys import spelling

VOCABULARY = 260
END = 256
TEXT = spelling.tokenizer()


def grammars() -> Grammars:
    return Grammars(spelling.definition, VOCABULARY, {END})


SHARED = grammars()


def matcher(form: Form, text: str = "") -> Matcher:
    return SHARED.compile(Structure(form, text)).matcher()


def allowed(state: Matcher, after: list[int] | tuple[int, ...] = ()) -> set[int]:
    return set(np.flatnonzero(state.allowed(after)).tolist())


def answer(state: Matcher, seed: int, most: int = 400) -> tuple[list[int], bool]:
    """Tokens without the end, and whether the end was reached; an end that may come comes half the time."""
    chance, tokens = Random(seed), list[int]()
    while len(tokens) < most:
        open_ = sorted(allowed(state))
        if END in open_ and (len(open_) == 1 or chance.random() < 0.5):
            return tokens, True
        tokens.append(chance.choice([token for token in open_ if token != END]))
        state.follow(tokens[-1:])
    return tokens, False
