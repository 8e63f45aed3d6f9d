"""Text as it reads: what hides or disguises characters is undone, and offsets lead back.

Each character is folded by itself, so that a text folds alike wherever it is cut: its compatibility
decomposition (NFKD) without marks and invisible characters, then digits of any script as ASCII ones, then
look-alikes as the ASCII that they look like (TR39, https://www.unicode.org/reports/tr39/). Case stays.
"""

import re
import unicodedata
from functools import cache

from confusable_homoglyphs.confusables import confusables_data

_DROPPED = frozenset(("Cf", "Mn", "Me", "Cc", "Cn", "Co", "Cs"))
_KEPT = frozenset("\t\n\r")
_PLAIN_ASCII = re.compile(r"[\t\n\r\x20-\x7e]*\Z").match
# Look like nothing, and are letters or marks of their own to Unicode.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5")


def fold(text: str, offset: int = 0) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters where it came of, counted from ``offset``."""
    if _PLAIN_ASCII(text):
        return text, list(range(offset, offset + len(text)))
    pieces = [fold_character(character) for character in text]
    origins = [place for place, piece in enumerate(pieces, offset) for _ in piece]
    return "".join(pieces), origins


@cache
def fold_character(character: str) -> str:
    """None, one or more characters."""
    if character in _BLANKS:
        return ""
    return "".join(map(_look, unicodedata.normalize("NFKD", character)))


def _look(character: str) -> str:
    category = unicodedata.category(character)
    if category in _DROPPED:
        return character if character in _KEPT else ""
    if character.isascii():
        return character
    if category[0] == "Z":
        return " " if category == "Zs" else "\n"
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return _looks_like(character)


def _looks_like(character: str) -> str:
    for other in confusables_data.get(character, ()):
        ascii_look = other["c"]
        if len(ascii_look) == 1 and ascii_look.isascii() and ascii_look.isprintable():
            # TR39 has one prototype for I and l.
            return "I" if ascii_look == "l" and character.isupper() else str(ascii_look)
    return character
