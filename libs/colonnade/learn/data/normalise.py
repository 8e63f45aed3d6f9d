"""Texts that read the same become the same, before anything counts, compares or encodes them."""

import re
import unicodedata

from colonnade.learn.data.rule_settings import NormalSettings

_NEWLINE = re.compile("\r\n?|[\u0085\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BYTE_ORDER_MARK = "\ufeff"


def normalise(text: str, settings: NormalSettings) -> str:
    """Doing it twice changes nothing more."""
    if settings.newlines and ("\r" in text or not text.isascii()):
        text = _NEWLINE.sub("\n", text.replace(_BYTE_ORDER_MARK, ""))
    if settings.control:
        text = _CONTROL.sub("", text)
    if settings.unicode != "none" and not text.isascii():
        text = unicodedata.normalize(settings.unicode, text)
    return text.strip() if settings.strip else text
