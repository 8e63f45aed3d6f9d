"""A model's card: Markdown that anybody may have written, as HTML that only shows text.

Two layers: a renderer that takes no HTML and follows no image, and a sanitiser that lets nothing through but
the elements that such a renderer makes.
"""

from collections.abc import Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

MOST_CHARACTERS = 30_000
_DEEPER = 2
"""The page has headings of its own above the card's."""
_DEEPEST = 6
_RENDERER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image"])
_HEADINGS = {f"h{level}" for level in range(1 + _DEEPER, _DEEPEST + 1)}
_TAGS = {
    "p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "table", "thead", "tbody", "tr", "th", "td", *_HEADINGS,
}  # fmt: skip
_SCHEMES = {"http", "https", "mailto"}


def card_html(card: str) -> str:
    """What is longer than ``MOST_CHARACTERS`` is cut, and says so."""
    shown = card[:MOST_CHARACTERS]
    tokens = _RENDERER.parse(shown)
    html: str = _RENDERER.renderer.render(_lowered(tokens), _RENDERER.options, {})
    if len(card) > MOST_CHARACTERS:
        html += f"<p><em>The first {MOST_CHARACTERS} characters of {len(card)}.</em></p>"
    return nh3.clean(html, tags=_TAGS, attributes={"a": {"href", "title"}}, url_schemes=_SCHEMES)


def _lowered(tokens: Sequence[Token]) -> list[Token]:
    """Headings a few levels down, none below the deepest there is."""
    return [
        token.copy(tag=f"h{min(_DEEPEST, int(token.tag[1:]) + _DEEPER)}")
        if token.type in ("heading_open", "heading_close")
        else token
        for token in tokens
    ]
