"""Text that comes from outside: its type, its size in UTF-8, and the characters it may have."""

import unicodedata
from typing import Literal, TypeAlias

from colonnade.errors import InvalidArgument, TooLarge

Controls: TypeAlias = Literal["any", "text", "line"]
"""Which control characters may occur: all but NUL; tab and line breaks only; none, so that it is one line."""

_TEXT_CONTROLS = frozenset("\t\n\r")
_LINE_SEPARATORS = frozenset("\u2028\u2029")
# They reorder what a person reads, so that a log or a screen shows another text than was sent.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_text(
    value: object, field: str, max_bytes: int, *, allow_empty: bool = False, controls: Controls = "any"
) -> str:
    """``value``, when it is text of at most ``max_bytes`` bytes in UTF-8, without NUL and lone surrogates.

    The default suits prompts: models read any character. ``controls="line"`` suits labels that people see.
    Raises ``InvalidArgument`` or ``TooLarge``, naming ``field`` and the limit.
    """
    if not isinstance(value, str):
        raise InvalidArgument(f"{field} must be a string", field=field)
    if not value and not allow_empty:
        raise InvalidArgument(f"{field} must not be empty", field=field)
    # A string has at least as many bytes as characters, so this spares encoding a huge one.
    if len(value) > max_bytes or len(encoded(value, field)) > max_bytes:
        raise TooLarge(f"{field} is longer than {max_bytes} bytes in UTF-8", field=field, limit=max_bytes)
    if "\0" in value:
        raise InvalidArgument(f"{field} must not have a NUL character", field=field)
    if controls != "any":
        _check_controls(value, field, controls)
    return value


def encoded(value: str, field: str) -> bytes:
    """``value`` in UTF-8; raises ``InvalidArgument`` for a lone surrogate, which UTF-8 cannot write."""
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(
            f"{field} has a lone surrogate at character {error.start}; send valid Unicode", field=field
        ) from None


def decoded(data: bytes, field: str) -> str:
    """``data`` read as UTF-8; raises ``InvalidArgument`` where it is not."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{field} is not valid UTF-8 at byte {error.start}", field=field) from None


def _check_controls(value: str, field: str, controls: Controls) -> None:
    allowed = _TEXT_CONTROLS if controls == "text" else frozenset()
    for place, character in enumerate(value):
        if _is_control(character, controls) and character not in allowed:
            raise InvalidArgument(
                f"{field} must not have the control character U+{ord(character):04X} (character {place})",
                field=field,
            )


def _is_control(character: str, controls: Controls) -> bool:
    if unicodedata.category(character) == "Cc":
        return True
    return controls == "line" and (character in _LINE_SEPARATORS or character in _BIDI_CONTROLS)
