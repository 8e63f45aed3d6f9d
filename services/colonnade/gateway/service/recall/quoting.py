"""Text from outside as quotation: what is in it can neither hide nor look like what stands around it."""

import re

MARK = "====="
_BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNSEEN = re.compile(
    # Controls; then Unicode's Default_Ignorable_Code_Point, which is drawn as nothing: zero-width and
    # direction marks, fillers, variation selectors, tags.
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_EQUALS = re.compile(r"(?:[=\uff1d\ufe66\u2550\ua78a\u30a0]\s?){3,}")
_NUMBERED = re.compile(r"[\[\uff3b\u3010\u3014]\s*(\d{1,9})\s*[\]\uff3d\u3011\u3015]")
_CONTROL_TOKEN = re.compile(
    r"[<\uff1c](?=[|\uff5c]|/?s>|/?(?:start|end)_of_turn>|/?tool_(?:call|response)>|<SYS|</SYS)|\[(?=/?INST\])"
)
_MANY_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def visible(text: str) -> str:
    """``text`` with nothing in it that a person would not see; every line break is one."""
    return _UNSEEN.sub("", _BREAKS.sub("\n", text))


def quoted(text: str, characters: int) -> str:
    """Each line behind ``> ``, marks that look like ours or like a model's control tokens broken up, and cut
    where it is longer than ``characters``; empty where nothing of it can be seen."""
    plain = _MANY_LINES.sub("\n\n", _broken_up(visible(text)).strip())
    if len(plain) > characters:
        plain = plain[: max(0, characters - 4)].rstrip() + " ..."
    return "\n".join(f"> {line}".rstrip() for line in plain.split("\n")) if plain else ""


def named(text: str, characters: int = 100) -> str:
    """A name, on one line and short."""
    plain = " ".join(_broken_up(visible(text)).replace('"', "'").split())
    return plain if len(plain) <= characters else plain[: characters - 4] + " ..."


def _broken_up(text: str) -> str:
    text = _EQUALS.sub("= = ", text)
    text = _NUMBERED.sub(r"(\1)", text)
    return _CONTROL_TOKEN.sub(lambda found: f"{found[0]} ", text)
