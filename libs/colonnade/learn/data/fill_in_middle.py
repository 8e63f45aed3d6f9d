"""Documents with a gap, so that the model learns to fill one (Bavarian et al. 2022, arXiv:2207.14255).

A document is cut at two places drawn evenly from its characters. Prefix first (PSM) it becomes ``<prefix>
prefix <suffix> suffix <middle> middle``; suffix first (SPM, in the paper's variant that shares its form with
PSM) ``<prefix> <suffix> suffix <middle> prefix middle``. What is drawn depends on the seed and the text
alone.
"""

import hashlib
from dataclasses import dataclass

from colonnade.learn.data.rule_settings import FillInMiddleSettings


@dataclass(frozen=True, slots=True)
class Marks:
    """Numbers of the three tokens."""

    prefix: int
    middle: int
    suffix: int


def rearranged(text: str, settings: FillInMiddleSettings, marks: Marks) -> list[str | int]:
    """Texts to encode, each by itself, and tokens between them."""
    draws = hashlib.blake2b(
        text.encode(), digest_size=32, key=settings.seed.to_bytes(8, "little"), person=b"fill in middle"
    ).digest()
    chosen, first, left, right = (_share(draws[at : at + 8]) for at in range(0, 32, 8))
    if chosen >= settings.rate:
        return [text]
    start, end = sorted(int(share * (len(text) + 1)) for share in (left, right))
    prefix, middle, suffix = text[:start], text[start:end], text[end:]
    if first < settings.suffix_first:
        return [marks.prefix, marks.suffix, suffix, marks.middle, prefix + middle]
    return [marks.prefix, prefix, marks.suffix, suffix, marks.middle, middle]


def _share(raw: bytes) -> float:
    """In [0, 1): 53 of the 64 bits, since a float holds no more and the largest would round up to 1."""
    return (int.from_bytes(raw, "little") >> 11) / (1 << 53)
