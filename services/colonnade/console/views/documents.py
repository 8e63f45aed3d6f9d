"""A document in words: how long it is, and how far it can be found."""

from colonnade.client import Document
from colonnade.console.views.formats import number


def length_of(document: Document) -> str:
    pages = f", {number(document.pages)} pages" if document.pages else ""
    return f"{number(document.characters)} characters{pages}"


def found_by(document: Document) -> str:
    """Pieces get their vectors a little later than they are kept."""
    if document.embedded >= document.chunks:
        return "words and meaning"
    if not document.embedded:
        return "words alone, until it has vectors"
    return f"words; {number(document.embedded)} of {number(document.chunks)} pieces by meaning too"
