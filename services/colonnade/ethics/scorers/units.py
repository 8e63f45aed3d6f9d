"""Text in stretches that can be judged by themselves: sentences, put together until they say something.

Where one ends depends on nothing but the characters from its beginning on, at most ``MOST`` of them. So a
text has the same units however it arrives, and a unit is judged once: when it is complete."""

import re
from collections.abc import Sequence

from colonnade.ethics.ports import Stretch

LEAST = 160
"""Characters. A sentence of three words alone tells little of what it belongs to."""
MOST = 480
"""Characters; what a sentence encoder reads of at once, and what is held back at most."""
_ENDS = re.compile(r"[.!?:;…。！？][\"')\]”’]{0,3}\s|\n")


def units_of(stretch: Stretch) -> tuple[Sequence[tuple[int, int]], int]:
    """Beginnings and ends of the units that are complete, one after the other, and where the last ends."""
    units: list[tuple[int, int]] = []
    place = stretch.start
    while place < len(stretch.text) and (end := _end(stretch, place)):
        units.append((place, end))
        place = end
    return units, place


def pieces(text: str) -> list[str]:
    """The units of a whole text, without white space around them."""
    units, _ = units_of(Stretch(text, 0, last=True))
    return [unit for start, end in units if (unit := text[start:end].strip())]


def trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Without the white space around; None where there is nothing else."""
    unit = text[start:end]
    if not (inner := unit.strip()):
        return None
    begin = start + len(unit) - len(unit.lstrip())
    return begin, begin + len(inner)


def _end(stretch: Stretch, place: int) -> int | None:
    """None where more text decides."""
    text, bound = stretch.text, place + MOST
    if ended := _ENDS.search(text, place + LEAST, bound):
        return ended.end()
    if len(text) >= bound:
        return _between_words(text, place + LEAST, bound)
    return len(text) if stretch.last else None


def _between_words(text: str, start: int, end: int) -> int:
    """After the last white space there; the end where there is none."""
    for place in range(end, start, -1):
        if text[place - 1].isspace():
            return place
    return end
