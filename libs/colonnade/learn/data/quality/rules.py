"""The rules by name: each has a setting of the same name, and says whether a text breaks its threshold.

Gopher (Rae et al. 2021, arXiv:2112.11446, A.1.1), C4 (Raffel et al. 2020, arXiv:1910.10683), FineWeb (Penedo
et al. 2024, arXiv:2406.17557). A word is what stands between white space, a line what is not blank.
"""

from collections.abc import Callable, Mapping
from typing import Any

from colonnade.learn.data.quality.facts import Facts
from colonnade.learn.data.rule_settings import QualitySettings

Broken = Callable[[Facts, Any], bool]

RULES: Mapping[str, Broken] = {
    "min_characters": lambda facts, least: len(facts.text) < least,
    "max_characters": lambda facts, most: len(facts.text) > most,
    "min_words": lambda facts, least: len(facts.words) < least,
    "max_words": lambda facts, most: len(facts.words) > most,
    "min_mean_word_length": lambda facts, least: facts.mean_word_length < least,
    "max_mean_word_length": lambda facts, most: facts.mean_word_length > most,
    "max_symbols_per_word": lambda facts, most: facts.symbols_per_word > most,
    "max_bullet_lines": lambda facts, most: facts.bullet_lines > most,
    "max_ellipsis_lines": lambda facts, most: facts.ellipsis_lines > most,
    "min_alphabetic_words": lambda facts, least: facts.alphabetic_words < least,
    "min_stop_words": lambda facts, least: facts.stop_words < least,
    "min_sentences": lambda facts, least: facts.sentences < least,
    "forbidden": lambda facts, texts: any(text.lower() in facts.lower for text in texts),
    "min_punctuated_lines": lambda facts, least: facts.punctuated_lines < least,
    "max_short_lines": lambda facts, most: facts.short_lines > most,
    "max_repeated_lines": lambda facts, most: facts.lines.repeated > most,
    "max_repeated_line_characters": lambda facts, most: facts.lines.repeated_characters > most,
    "max_repeated_paragraphs": lambda facts, most: facts.paragraphs.repeated > most,
    "max_repeated_paragraph_characters": lambda facts, most: facts.paragraphs.repeated_characters > most,
    "max_top_ngram_characters": lambda facts, most: any(
        facts.ngrams.top(n) > share for n, share in most.items()
    ),
    "max_repeated_ngram_characters": lambda facts, most: any(
        facts.ngrams.repeated(n) > share for n, share in most.items()
    ),
}
"""In the order in which they are asked: what costs most comes last."""


def first_broken(text: str, settings: QualitySettings) -> str:
    """The name of the first rule that the text breaks, or nothing."""
    facts = Facts(text)
    for name, broken in RULES.items():
        threshold = getattr(settings, name)
        if threshold is not None and threshold not in ((), {}) and broken(facts, threshold):
            return name
    return ""
