"""What a source says of itself: the README.md of a folder becomes the card of what is imported from it."""

from collections.abc import Mapping
from pathlib import Path

from colonnade.errors import ColonnadeError
from colonnade.security.inputs import check_text, confined, read_bounded
from colonnade.security.inputs.catalogue import MAX_CARD_BYTES

README = "README.md"


def card_of(source: Path, files: Mapping[str, Path]) -> str:
    """Of the files that were made, else of the folder that they were made of. Empty where there is none, or
    it cannot be one: an import does not fail by its README."""
    found = files.get(README)
    if found is None and not source.is_dir():
        return ""
    try:
        path = found or confined(README, [source], field="card")
        return check_text(read_bounded(path, MAX_CARD_BYTES, "card").decode(), "card", MAX_CARD_BYTES)
    except (ColonnadeError, OSError, UnicodeDecodeError):
        return ""
