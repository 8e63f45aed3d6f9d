"""What a page shows: its words, with headings, paragraphs and rows apart."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from colonnade.memory.adapters.reading.plain import decoded
from colonnade.memory.adapters.reading.refusals import Refused

_DROPPED = frozenset((
    "applet", "audio", "button", "canvas", "datalist", "dialog", "embed", "frameset", "head", "iframe",
    "input", "map", "noscript", "object", "script", "select", "style", "svg", "template", "textarea", "video",
))  # fmt: skip
_PARAGRAPHS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
    "legend", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "ul",
))  # fmt: skip
_LINES = frozenset(("br", "li", "tr"))
_CELLS = frozenset(("td", "th"))
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?![.\d]*[1-9])", re.I
)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-z0-9_:-]{1,40})""", re.I)
_CHARSETS = {
    name: codec
    for codec, names in {
        "cp1252": "iso-8859-1 latin1 us-ascii ascii windows-1252 cp1252",
        "iso-8859-2": "iso-8859-2 latin2",
        "iso-8859-15": "iso-8859-15",
        "cp1250": "windows-1250",
        "cp1251": "windows-1251",
        "cp1253": "windows-1253",
        "cp1254": "windows-1254 iso-8859-9",
        "koi8-r": "koi8-r",
        "shift_jis": "shift_jis shift-jis",
        "euc-jp": "euc-jp",
        "euc-kr": "euc-kr",
        "gb18030": "gb2312 gbk gb18030",
        "big5": "big5",
    }.items()
    for name in names.split()
}
_SPACE = re.compile(r"[ \t\n\r\f]+")


def text_of(content: bytes) -> str:
    """UTF-8, what a byte order mark says, or else what the page itself says."""
    if (source := decoded(content)) is None:
        source = _as_it_says(content)
    root = LexborHTMLParser(source).root
    page = _Page()
    if root is not None:
        _walk(root, page)
    return page.text


class _Page:
    """Words come in, and how far they are apart."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._breaks, self._space, self._preformatted = 0, False, 0

    @property
    def text(self) -> str:
        return "".join(self._parts).strip()

    def begin(self, tag: str) -> None:
        self._preformatted += tag == "pre"
        self._apart(tag)

    def end(self, tag: str) -> None:
        self._preformatted -= tag == "pre"
        self._apart(tag)

    def say(self, text: str) -> None:
        words = text if self._preformatted else _SPACE.sub(" ", text)
        if not self._preformatted:
            self._space |= words.startswith(" ")
            if not (words := words.lstrip(" ")):
                return
        self._parts.append("\n" * self._breaks or " " * (self._space and not self._preformatted))
        self._breaks, self._space = 0, words.endswith(" ")
        self._parts.append(words if self._preformatted else words.rstrip(" "))

    def _apart(self, tag: str) -> None:
        self._breaks = max(self._breaks, 2 * (tag in _PARAGRAPHS), tag in _LINES)
        self._space |= tag in _CELLS


def _as_it_says(content: bytes) -> str:
    found = _CHARSET.search(content[:4096])
    codec = _CHARSETS.get(found[1].decode().lower()) if found else None
    if codec is None:
        raise Refused("not text")
    return content.decode(codec, errors="replace")


def _walk(root: LexborNode, page: _Page) -> None:
    """Without recursion: pages may be nested as deep as somebody likes."""
    node: LexborNode | None = root
    within: list[LexborNode] = []
    while node is not None:
        down = None
        if node.is_text_node:
            page.say(node.text_content or "")
        elif node.is_element_node and not _hidden(node):
            page.begin(node.tag or "")
            within.append(node)
            down = node.child
            if down is None:
                page.end(within.pop().tag or "")
        node = down or _after(node, within, page)


def _after(node: LexborNode, within: list[LexborNode], page: _Page) -> LexborNode | None:
    """What comes next, once all of ``node`` has been said."""
    after = node.next if within else None
    while after is None and within:
        ended = within.pop()
        page.end(ended.tag or "")
        after = ended.next if within else None
    return after


def _hidden(node: LexborNode) -> bool:
    if node.tag in _DROPPED:
        return True
    attributes = node.attributes
    if not attributes:
        return False
    return (
        "hidden" in attributes
        or (attributes.get("aria-hidden") or "").strip().lower() == "true"
        or bool(_HIDING.search(attributes.get("style") or ""))
    )
