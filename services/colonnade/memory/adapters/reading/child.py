"""``python -m colonnade.memory.adapters.reading.child``: a document comes in, its text goes out.

What a document may do to what reads it, it does to this process, which bounds itself before it reads it. Its
answer is one line, as JSON, and after it the text in UTF-8.
"""

import json
import resource
import signal
import sys
from itertools import accumulate

from colonnade.memory.adapters.reading.bounds import Bounds
from colonnade.memory.adapters.reading.cleaning import bounded, cleaned
from colonnade.memory.adapters.reading.refusals import Refused

_BETWEEN_PAGES = "\n\n"


def main() -> None:
    media_type, *numbers = sys.argv[1:]
    bounds = Bounds.of(numbers)
    _confine(bounds)
    sys.stderr.close()
    content = sys.stdin.buffer.read()
    head: dict[str, object]
    try:
        text, pages = read(content, media_type, bounds.characters)
        head = {"pages": pages}
    except Refused as refused:
        text, head = "", {"refused": refused.args[0]}
    except MemoryError:
        text, head = "", {"refused": "too much"}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + text.encode())
    sys.stdout.buffer.flush()


def read(content: bytes, media_type: str, characters: int) -> tuple[str, list[int]]:
    """Its text, and where its pages begin."""
    text, pages = _text_of(content, media_type, characters)
    if not text.strip():
        raise Refused("no text")
    return bounded(text, characters), pages


def _text_of(content: bytes, media_type: str, characters: int) -> tuple[str, list[int]]:
    """Only what is needed is imported: each of them takes its time."""
    match media_type:
        case "application/pdf":
            return _pdf(content, characters)
        case "text/html":
            from colonnade.memory.adapters.reading import html

            return cleaned(bounded(html.text_of(content), characters)), []
    from colonnade.memory.adapters.reading import plain

    return cleaned(bounded(plain.text_of(content), characters)), []


def _pdf(content: bytes, characters: int) -> tuple[str, list[int]]:
    from colonnade.memory.adapters.reading import pdf

    pages, length = [], 0
    for page in pdf.pages_of(content):
        pages.append(cleaned(page).strip())
        if (length := length + len(pages[-1])) > characters:
            raise Refused("too long")
    starts = [0, *accumulate(len(page) + len(_BETWEEN_PAGES) for page in pages)]
    return _BETWEEN_PAGES.join(pages), starts[: len(pages)]


def _confine(bounds: Bounds) -> None:
    for what, most in (
        (resource.RLIMIT_AS, bounds.memory_bytes),
        (resource.RLIMIT_CPU, bounds.processor_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))
    signal.alarm(bounds.seconds + 1)  # whoever began this may be gone


if __name__ == "__main__":
    main()
