"""How guesses are made, as the settings say it."""

import re
from dataclasses import dataclass
from typing import Literal

from colonnade.errors import InvalidArgument

MAX_TOKENS = 16
"""Guessed ahead at once: beyond it chances are nil."""
_DRAFT = re.compile(r"draft:(sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Method:
    kind: Literal["off", "prompt_lookup", "self", "draft"] = "off"
    tokens: int = 4
    """Guessed ahead at most."""
    draft: str = ""
    """The digest of the version that guesses, for the kind ``draft``."""

    @classmethod
    def parse(cls, text: str, tokens: int) -> "Method":
        """Raises ``InvalidArgument`` for what is none."""
        if text in ("off", "prompt_lookup", "self"):
            return cls(text, tokens)  # type: ignore[arg-type]
        named = _DRAFT.fullmatch(text)
        if not named:
            raise InvalidArgument(
                "speculation must be off, prompt_lookup, self, or draft: and the digest of a version "
                "(draft:sha256:<64 hexadecimal digits>)",
                field="speculation",
            )
        return cls("draft", tokens, named[1])
