"""A document's text around what is cited from it."""

from dataclasses import dataclass

from colonnade.client import Passage, Source

PAGE = 6000
"""Characters shown at once."""
_BEFORE = 800
"""So many before what is cited."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A stretch of text, cut in three; what is cited in the middle."""

    before: str
    cited: str
    after: str


def first_window(source: Source | None) -> tuple[int, int]:
    """From and to which character of the text it is looked at first."""
    start = max(0, source.start - _BEFORE) if source else 0
    return start, max(start + PAGE, source.end if source else 0)


def marked(passage: Passage, source: Source | None) -> Marked:
    """What lies outside of what is shown is not marked."""
    text = passage.text
    if source is None:
        return Marked(text, "", "")
    start, end = (min(len(text), max(0, place - passage.start)) for place in (source.start, source.end))
    return Marked(text[:start], text[start:end], text[end:])
