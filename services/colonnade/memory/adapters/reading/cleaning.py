"""What is left of a text when what nobody sees is gone.

Removed are characters that are not shown by default (``Default_Ignorable_Code_Point`` of Unicode 16:
zero-width and bidirectional controls, tags, variation selectors, fillers), interlinear annotations, controls
and noncharacters: who checks a document reads what a model reads. Then NFC. Characters that look like others
are left alone: they are somebody's letters.
"""

import re
import unicodedata

from colonnade.memory.adapters.reading.refusals import Refused

_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_REMOVED = re.compile(
    f"[{_UNSEEN}\ufff9-\ufffb\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff]"
)
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")


def cleaned(text: str) -> str:
    """Lines end with one line feed."""
    return unicodedata.normalize("NFC", _REMOVED.sub("", _LINE_ENDS.sub("\n", text)))


def bounded(text: str, characters: int) -> str:
    if len(text) > characters:
        raise Refused("too long")
    return text
