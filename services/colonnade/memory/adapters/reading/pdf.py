"""The text of a PDF's pages. What is only drawn or photographed there is not text."""

import io
import logging
from collections.abc import Iterator

from pypdf import PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from colonnade.memory.adapters.reading.refusals import Refused

_BEGINS_WITHIN = 1024
_DAMAGES = (
    PyPdfError, ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, OSError,
    TypeError, ValueError,
)  # fmt: skip
"""What pypdf raises over files that are none: not all of it is its own."""
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def pages_of(content: bytes) -> Iterator[str]:
    """Each page's text, in order."""
    if b"%PDF-" not in content[:_BEGINS_WITHIN]:
        raise Refused("not pdf")
    try:
        reader = PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):  # many are that anybody may read
            raise Refused("encrypted")
        for page in reader.pages:
            yield page.extract_text()
    except DependencyError:
        raise Refused("encrypted") from None
    except (LimitReachedError, RecursionError):
        raise Refused("too much") from None
    except _DAMAGES:
        raise Refused("not pdf") from None
