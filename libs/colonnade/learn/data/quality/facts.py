"""What the rules ask of a text, each computed when it is first asked for."""

import re
from collections.abc import Callable, Sequence
from functools import cached_property

from colonnade.learn.data.quality.repetition import NGrams, Repetition

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
BULLETS = ("•", "‣", "◦", "●", "*", "-", "–", "·")
ELLIPSES = ("...", "…")
TERMINAL = tuple(".!?…\"'”’»)。！？")
SHORT_LINE = 30
_LETTER = re.compile(r"[^\W\d_]")
_SENTENCE_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s|$)|[。！？]+")
_BETWEEN_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n\s*")


class Facts:
    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def lower(self) -> str:
        return self.text.lower()

    @cached_property
    def words(self) -> Sequence[str]:
        return self.text.split()

    @cached_property
    def lines(self) -> Repetition:
        return Repetition([line for part in self.text.split("\n") if (line := part.strip())])

    @cached_property
    def paragraphs(self) -> Repetition:
        return Repetition([part for found in _BETWEEN_PARAGRAPHS.split(self.text) if (part := found.strip())])

    @cached_property
    def ngrams(self) -> NGrams:
        return NGrams(self.words)

    @property
    def mean_word_length(self) -> float:
        return sum(map(len, self.words)) / max(1, len(self.words))

    @property
    def symbols_per_word(self) -> float:
        """Hash signs or ellipses, whichever are more."""
        ellipses = sum(self.text.count(mark) for mark in ELLIPSES)
        return max(self.text.count("#"), ellipses) / max(1, len(self.words))

    @property
    def bullet_lines(self) -> float:
        return self._share_of_lines(lambda line: line.startswith(BULLETS))

    @property
    def ellipsis_lines(self) -> float:
        return self._share_of_lines(lambda line: line.endswith(ELLIPSES))

    @property
    def punctuated_lines(self) -> float:
        return self._share_of_lines(lambda line: line.endswith(TERMINAL))

    @property
    def short_lines(self) -> float:
        return self._share_of_lines(lambda line: len(line) < SHORT_LINE)

    @property
    def alphabetic_words(self) -> float:
        with_letter = sum(1 for word in self.words if word.isalpha() or _LETTER.search(word))
        return with_letter / max(1, len(self.words))

    @property
    def stop_words(self) -> int:
        return len(STOP_WORDS.intersection(self.lower.split()))

    @property
    def sentences(self) -> int:
        return sum(1 for _ in _SENTENCE_END.finditer(self.text))

    def _share_of_lines(self, chosen: Callable[[str], bool]) -> float:
        lines = self.lines.parts
        return sum(map(chosen, lines)) / max(1, len(lines))
