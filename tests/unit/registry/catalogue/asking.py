"""Filters of all kinds, of values that are few enough to meet."""

from hypothesis import strategies as st

from colonnade.registry.catalogue.filters import (
    NUMBERS,
    TEXTS,
    TIMES,
    Comparison,
    Field,
    Filter,
    Kind,
    Operator,
)

KEYS = ("team", "odd key", "mlflow.note/x", "Loss", "in")
WORDS = (
    "",
    "a",
    "A",
    "smol",
    "smol-2",
    "Smol",
    "it's",
    "100%",
    "a_b",
    "[x]*?",
    "\\",
    "é",
    'say "x"',
    "x" * 300,
)
PATTERNS = (*WORDS, "%", "smol%", "%MOL%", "_", "s_ol", "%'%", "\\%", "[%", "É")
WHOLE = (-1, 0, 1, 2, 3, 1001, 2048, 2**40)
REAL = (-1.5, 0.25, 2.0, 1e-7, 1e12)
MOMENTS = tuple(1_893_553_445_678_901 + seconds * 1_000_000 for seconds in range(-1, 3))
_TEXT_OPERATORS = st.sampled_from((Operator.EQUAL, Operator.UNEQUAL))
_PATTERN_OPERATORS = st.sampled_from((Operator.LIKE, Operator.ILIKE))
_NUMBER_OPERATORS = st.sampled_from(
    (Operator.EQUAL, Operator.UNEQUAL, Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST)
)


def comparisons() -> st.SearchStrategy[Comparison]:
    texts = st.one_of(
        st.sampled_from(sorted(TEXTS)).map(lambda name: Field(Kind.ATTRIBUTE, name)),
        st.sampled_from(KEYS).map(lambda name: Field(Kind.TAG, name)),
    )
    numbers = st.one_of(
        st.sampled_from(sorted(NUMBERS)).map(lambda name: Field(Kind.ATTRIBUTE, name)),
        st.sampled_from(KEYS).map(lambda name: Field(Kind.METRIC, name)),
    )
    times = st.sampled_from(sorted(TIMES)).map(lambda name: Field(Kind.ATTRIBUTE, name))
    words = st.sampled_from(WORDS)
    several = st.lists(words, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Comparison, texts, _TEXT_OPERATORS, words),
        st.builds(Comparison, texts, _PATTERN_OPERATORS, st.sampled_from(PATTERNS)),
        st.builds(Comparison, texts, st.just(Operator.IN), several),
        st.builds(Comparison, numbers, _NUMBER_OPERATORS, st.sampled_from((*WHOLE, *REAL))),
        st.builds(Comparison, times, _NUMBER_OPERATORS, st.sampled_from(MOMENTS)),
    )


def filters(most: int = 3) -> st.SearchStrategy[Filter]:
    return st.lists(comparisons(), max_size=most).map(tuple)
