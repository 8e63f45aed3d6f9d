"""What words a text has, and how well texts answer to a question's words: BM25, the same on every database.

A text is folded (NFKC, case, invisible characters dropped), cut into runs of letters and digits, and English
words are reduced to their stems (Snowball's, Porter 2001). Okapi BM25 is Robertson and Zaragoza's (2009), its
idf Lucene's, which is never negative.
"""

import functools
import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import snowballstemmer

from colonnade.memory.domain.search import ByWords

K1, B = 1.2, 0.75
MAX_WORD_CHARACTERS = 64
"""What is longer is cut, in texts and questions alike: it is no word, and indexes have their bounds."""
MAX_ASKED = 64
"""So many different words of a question count: of a longer one, its first and its last."""
_WORD = re.compile(r"\w+")
# Format and control characters but blanks, and what is drawn with no width: they hide in words.
_INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_STEMMER = snowballstemmer.stemmer("english")
_TURN = threading.Lock()  # a stemmer keeps its place in itself


def words_of(text: str) -> list[str]:
    """The stems of its words, in order, each at most ``MAX_WORD_CHARACTERS`` long and without a blank."""
    return [_stem(word) for word in _surfaces(text)]


def asked(question: str) -> dict[str, str]:
    """The different stems of its words, in order, each with its first word; at most ``MAX_ASKED``."""
    found: dict[str, str] = {}
    for word in _surfaces(question):
        found.setdefault(_stem(word), word)
    if len(found) <= MAX_ASKED:
        return found
    kept = list(found.items())
    return dict(kept[: MAX_ASKED // 2] + kept[-MAX_ASKED // 2 :])


@dataclass(frozen=True, slots=True)
class Counts:
    """Of the scopes that are asked: how many texts, how many words in all, and in how many each word is."""

    texts: int
    words: int
    having: Mapping[str, int]

    def idf(self, word: str) -> float:
        """``ln(1 + (N - n + 0.5) / (n + 0.5))``"""
        having = self.having.get(word, 0)
        return math.log(1 + (self.texts - having + 0.5) / (having + 0.5))

    def bm25(self, word: str, times: int, length: int) -> float:
        """What ``word`` adds to the score of a text of ``length`` words that has it so many ``times``."""
        norm = K1 * (1 - B + B * length * self.texts / max(1, self.words))
        return self.idf(word) * times * (K1 + 1) / (times + norm)


def scored(
    candidates: Iterable[tuple[str, Sequence[str]]], question: Mapping[str, str], counts: Counts, limit: int
) -> list[ByWords]:
    """The best of texts, given by id with their words; of equal score, by id. ``question`` is ``asked``."""
    found = []
    for id_, words in candidates:
        times = Counter(words)
        shared = [stem for stem in question if stem in times]
        if shared:
            score = sum(counts.bm25(stem, times[stem], len(words)) for stem in shared)
            found.append(ByWords(id_, score, tuple(question[stem] for stem in shared)))
    return list(islice(sorted(found, key=lambda each: (-each.bm25, each.id)), limit))


def _surfaces(text: str) -> list[str]:
    seen = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", seen))
    return [word[:MAX_WORD_CHARACTERS] for word in _WORD.findall(folded)]


@functools.lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    if not (word.isascii() and word.isalpha()):
        return word
    with _TURN:
        return str(_STEMMER.stemWord(word))
