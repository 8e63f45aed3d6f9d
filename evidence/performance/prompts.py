"""Prompts that every engine gets as the same token ids: cuts from the licence's text, each begun elsewhere.

No two prompts of a run begin alike, so that no engine's prefix cache shortens what is measured as prefill.
"""

from functools import cache
from itertools import count

from tokenizers import Tokenizer

from evidence.performance import model
from evidence.performance.engines.process import ROOT

_TURN = count()


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(model.folder() / "tokenizer.json"))


@cache
def _text() -> list[int]:
    ids: list[int] = _tokenizer().encode((ROOT / "LICENSE").read_text()).ids
    return ids


def text_of(ids: list[int]) -> str:
    """As it is written."""
    text: str = _tokenizer().decode(ids)
    return text


def prompts(streams: int, length: int) -> list[list[int]]:
    """``streams`` new prompts of ``length`` tokens each."""
    ids = _text() * 2
    starts = [(next(_TURN) * 37) % (len(ids) // 2) for _ in range(streams)]
    return [[_mark(start), *ids[start : start + length - 1]] for start in starts]


def _mark(start: int) -> int:
    """A first token that is this prompt's own: an ordinary word, never a special token."""
    return 1000 + start % 40_000


def copying(answer: int) -> list[int]:
    """A prompt that says the same twice and begins a third time, so that ``answer`` tokens repeat it."""
    start = (next(_TURN) * 37) % (len(_text()) // 2)
    passage = _text()[start : start + answer + 24]
    return [*passage, *passage, *passage[:16]]
