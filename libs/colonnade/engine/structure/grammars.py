"""Forms compiled for one model's tokenizer, the latest kept."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from colonnade.engine.structure.calls import lark
from colonnade.engine.structure.form import Form, Structure
from colonnade.engine.structure.matcher import Matcher, reason_of
from colonnade.errors import ColonnadeError, Unsupported

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

CAPACITY = 64
"""Compiled forms kept for each model."""
_WHITESPACE = r"[ \n\t]{1,20}"
"""Between the parts of a JSON document: enough to indent, too little to go on for ever."""
OPTIONS: "JsonCompileOptions" = {
    "whitespace_pattern": _WHITESPACE,
    "lenient": False,  # what is accepted is enforced
    "coerce_one_of": False,
}
_LIMITS = LLParserLimits(
    max_grammar_size=100_000, max_lexer_states=50_000, step_max_items=20_000, verbose_errors=False
)


class Grammar:
    """A compiled form. Safe to share between threads."""

    def __init__(
        self, begin: LLMatcher, vocabulary: int, ends: Collection[int], structure: Structure
    ) -> None:
        self._begin, self._vocabulary, self._ends = begin, vocabulary, sorted(ends)
        self.structure = structure
        """What it was compiled from."""
        self._lock = threading.Lock()

    def matcher(self) -> Matcher:
        """At the beginning of an answer."""
        with self._lock:
            return Matcher(self._begin.deep_copy(), self._vocabulary, self._ends, self.structure.field)


class Grammars:
    """Compiles forms for one model. Safe to share between threads; each compiles at most once at a time."""

    def __init__(self, definition: Callable[[], str], vocabulary: int, ends: Collection[int]) -> None:
        """``definition`` gives the text of the model's ``tokenizer.json``; ``ends`` are its end tokens."""
        self._definition, self._vocabulary, self._ends = definition, vocabulary, sorted(ends)
        self._lock = threading.Lock()
        self._tokenizer: LLTokenizer | None = None
        self._kept: OrderedDict[Structure, Grammar] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def prepare(self) -> None:
        """Makes ready what all forms need: a third of a second in which the process does nothing else, so
        better while a model is loaded than while others answer. What fails is told at the first form."""
        with self._lock, contextlib.suppress(Unsupported):
            self._ready()

    def compile(self, structure: Structure) -> Grammar:
        """Raises ``InvalidArgument`` with the library's reason, ``Unsupported`` if the model cannot."""
        with self._lock:
            if structure in self._kept:
                self._kept.move_to_end(structure)
                return self._kept[structure]
            tokenizer = self._ready()
        grammar = self._compiled(structure, tokenizer)
        with self._lock:
            self._kept[structure] = grammar
            while len(self._kept) > CAPACITY:
                self._kept.popitem(last=False)
        return grammar

    def _compiled(self, structure: Structure, tokenizer: LLTokenizer) -> Grammar:
        try:
            state = LLMatcher(tokenizer, _source(structure), log_level=0, limits=_LIMITS)
        except ValueError as error:
            raise structure.refused(str(error)[:300]) from None
        if state.is_error():
            raise structure.refused(reason_of(state))
        grammar = Grammar(state, self._vocabulary, self._ends, structure)
        # What no text fulfils, or takes too long from the start, shows at the first mask; it is kept for all.
        Matcher(state, self._vocabulary, self._ends, structure.field).allowed(())
        return grammar

    def _ready(self) -> LLTokenizer:
        """The tokenizer as the library wants it: made once."""
        if not self._ends:
            raise Unsupported(
                "the model has no end token, so an answer of a given form could not end", field="structure"
            )
        if self._tokenizer is None:
            try:
                self._tokenizer = LLTokenizer(
                    self._definition(), n_vocab=self._vocabulary, eos_token=self._ends
                )
            except Exception as error:
                raise _not_understood(error) from error
        return self._tokenizer


def _source(structure: Structure) -> str:
    """The form in the library's own notation."""
    if structure.form is Form.REGEX:
        return LLMatcher.grammar_from_regex(structure.text)
    if structure.form is Form.GRAMMAR:
        return LLMatcher.grammar_from_lark(structure.text)
    if structure.form is Form.CALLS:
        return LLMatcher.grammar_from_lark(lark(structure.text, OPTIONS))
    schema = structure.text or '{"type": "object"}'
    return LLMatcher.grammar_from_json_schema(schema, overrides=OPTIONS)


def _not_understood(error: Exception) -> ColonnadeError:
    return Unsupported(
        "the model's tokenizer is of a kind that no structure can be compiled for", field="structure"
    )
