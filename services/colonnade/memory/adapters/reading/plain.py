"""Text and Markdown, as they are."""

import codecs

from colonnade.memory.adapters.reading.refusals import Refused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, ""),  # before UTF-16's, which it begins with; nobody sends it
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def text_of(content: bytes) -> str:
    """UTF-8, or what a byte order mark says."""
    text = decoded(content)
    if text is None or "\0" in text:
        raise Refused("not text")
    return text


def decoded(content: bytes) -> str | None:
    """None where it is neither."""
    if content.startswith(b"%PDF-"):
        return None
    mark, encoding = next((each for each in _MARKS if content.startswith(each[0])), (b"", "utf-8"))
    try:
        return content[len(mark) :].decode(encoding) if encoding else None
    except UnicodeDecodeError:
        return None
