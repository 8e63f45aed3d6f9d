"""Texts in pieces that can be found: each ends where a paragraph, a sentence or a word does, if it can."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from colonnade.memory.domain.documents import Piece, Read

_STRETCH = 32_768
"""Characters that are cut at once: where no word ends, the time that takes grows with their square."""
_ENDS = ("\n\n", "\n", ". ", " ")


@dataclass(frozen=True, slots=True)
class Cut:
    characters: int = 1000
    """Of a piece, at most."""
    overlap: int = 100
    """Characters at most that it has of the one before."""


def pieces(text: Read, markdown: bool, cut: Cut) -> list[Piece]:
    overlap = min(cut.overlap, cut.characters // 2)
    splitter = (MarkdownSplitter if markdown else TextSplitter)(cut.characters, overlap=overlap)
    found = []
    for begin, end in _stretches(text.text):
        for offset, piece in splitter.chunk_indices(text.text[begin:end]):
            start = begin + offset
            found.append(Piece(piece, start, start + len(piece), bisect_right(text.pages, start)))
    return found


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Beginnings and ends, which are at a paragraph's end, or at least at a word's, if there is one."""
    begin = 0
    while begin < len(text):
        end = min(len(text), begin + _STRETCH)
        if end < len(text):
            half = begin + _STRETCH // 2
            ends = (place + len(each) for each in _ENDS if (place := text.rfind(each, half, end)) >= 0)
            end = next(ends, end)
        yield begin, end
        begin = end
