"""Why a document is not read. The child says one of these words; what is told are these sentences."""

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported
from colonnade.memory.domain.documents import MEDIA_TYPES


class Refused(Exception):
    """In the child: ``args[0]`` is one of ``WORDS``."""


WORDS = {
    "not text": "is not text: it is neither UTF-8 nor UTF-16 with a byte order mark, or has NUL characters",
    "not pdf": "is not a PDF, or so damaged that it cannot be read",
    "encrypted": "is a PDF with a password; send it without one",
    "damaged": "cannot be read: it is damaged, or not of its media type",
    "no text": "has no text; of a scanned document send what text recognition makes of it",
    "too long": "has more text than the {characters} characters that a document may have; send it in parts",
    "too much": "takes more memory or time to read than a document may; send it in parts, or as text",
}


def refusal(word: str, characters: int) -> ColonnadeError:
    sentence = WORDS.get(word, WORDS["damaged"]).format(characters=characters)
    return InvalidArgument(f"content {sentence}", field="content")


def unsupported() -> ColonnadeError:
    return Unsupported(f"media_type must be one of {', '.join(MEDIA_TYPES)}", field="media_type")
