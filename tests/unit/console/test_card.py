"""Cards that anybody may have written: what is left of them only shows text."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.console.views.card import MOST_CHARACTERS, card_html
from tests.integration.console.naughty import STRINGS

_FINE = frozenset({
    "p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "table", "thead", "tbody", "tr", "th", "td", "h3", "h4", "h5", "h6",
})  # fmt: skip
HOSTILE = (
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](java\nscript:alert(1))",
    "[click](&#x6A;avascript:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:msgbox)",
    "[a]: javascript:alert(1)\n\n[a]",
    "<javascript:alert(1)>",
    "![x](https://evil.example/x.png)",
    '![x](https://evil.example/x.png "title")',
    '<img src="https://evil.example/x.png">',
    '<a href="javascript:alert(1)" onclick="alert(1)">x</a>',
    '<svg><script>alert(1)</script></svg><p style="position:fixed">',
    "<details open ontoggle=alert(1)>",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "# <script>alert(1)</script>",
    "|<img src=x onerror=alert(1)>|\n|-|\n|<iframe>|",
    '[x](https://example.com "a\\" onmouseover=\\"alert(1)")',
    '[x](https://example.com/\\" onmouseover=alert(1))',
)


class Seen(HTMLParser):
    """Which elements there are, and their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", {}))

    def handle_decl(self, decl: str) -> None:
        self.tags.append(("declaration", {}))


def check_inert(card: str) -> None:
    # What stands before a colon is a scheme only if it is spelt like one; else it is part of a path.
    for tag, attributes in Seen(card_html(card)).tags:
        assert tag in _FINE, tag
        assert set(attributes) <= ({"href", "title", "rel"} if tag == "a" else set()), (tag, attributes)
        target = attributes.get("href") or "https:"
        scheme, colon, _ = target.partition(":")
        is_scheme = colon and re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*", scheme)
        assert not is_scheme or scheme in ("http", "https", "mailto"), target


@pytest.mark.parametrize("card", [*HOSTILE, *STRINGS], ids=range(len(HOSTILE) + len(STRINGS)))
def test_a_hostile_card_does_nothing(card: str) -> None:
    check_inert(card)
    check_inert(f"> - {card}\n\n    {card}\n\n| {card} |\n|-|\n| {card} |")


@given(st.lists(st.sampled_from([*"[]()<>!`*_#|\\\n\"'&:;-> ", *HOSTILE, "javascript:", "a"]), max_size=40))
def test_no_mixture_of_them_does_anything(parts: list[str]) -> None:
    check_inert("".join(parts))


def test_a_card_is_shown_as_it_was_meant() -> None:
    html = card_html(
        "# Tiny\n\nA *small* **model**.\n\n- one\n- [two](https://example.com)\n\n|a|b|\n|-|-|\n|1|2|"
    )
    assert "<h3>Tiny</h3>" in html
    assert "<em>small</em> <strong>model</strong>" in html
    assert '<a href="https://example.com" rel="noopener noreferrer">two</a>' in html
    assert "<td>2</td>" in html
    assert "<h6>deep</h6>" in card_html("###### deep")


def test_a_card_is_shown_to_a_length() -> None:
    html = card_html("word " * MOST_CHARACTERS)
    assert f"The first {MOST_CHARACTERS} characters of {5 * MOST_CHARACTERS}." in html
    assert len(html) < 2 * MOST_CHARACTERS
