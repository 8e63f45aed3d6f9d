"""A model's tokenizer, and the plain one that knows no control tokens.

A raw prompt is the caller's whole text: control tokens written in it count as such, as in Hugging Face
transformers. In a chat the template alone may write them (``ChatTemplate``).
"""

import json
import re
from collections.abc import Sequence

import tokenizers

from colonnade.errors import InvalidArgument

_BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")


class Tokenizer:
    """Read-only and safe to share between threads."""

    def __init__(self, definition: str) -> None:
        """``definition`` is the text of a ``tokenizer.json``."""
        plain = json.loads(definition)
        plain["added_tokens"], plain["post_processor"] = [], None
        try:
            self._full = tokenizers.Tokenizer.from_str(definition)
            self._plain = tokenizers.Tokenizer.from_str(json.dumps(plain))
        except Exception as error:  # the library raises bare Exception
            raise InvalidArgument("tokenizer.json is not a tokenizer", field="tokenizer.json") from error
        for one in (self._full, self._plain):
            one.no_truncation()
            one.no_padding()
        added = self._full.get_added_tokens_decoder()
        self.control_tokens = frozenset(token.content for token in added.values())
        """The texts that encode to one token each, whatever stands around them."""
        self._control_ids = frozenset(added)
        self._silent_ids = frozenset(number for number, token in added.items() if token.special)
        self._byte_ids = frozenset(
            number for token, number in self._full.get_vocab(False).items() if _BYTE_TOKEN.fullmatch(token)
        )

    def spells_like(self, other: "Tokenizer") -> bool:
        """Whether the same ids stand for the same tokens in both."""
        return bool(self._full.get_vocab(True) == other._full.get_vocab(True))

    @property
    def definition(self) -> str:
        """The text of its ``tokenizer.json``, as it is used here."""
        text: str = self._full.to_str()
        return text

    def id_of(self, token: str) -> int | None:
        found: int | None = self._full.token_to_id(token)
        return found

    def encode(self, text: str, *, begin: bool = True) -> list[int]:
        """Token ids; ``begin`` adds what the tokenizer puts around a text, such as a beginning token."""
        ids: list[int] = self._full.encode(text, add_special_tokens=begin).ids
        return ids

    def encode_within(self, text: str, limit: int) -> list[int]:
        """At most ``limit`` token ids: the text's own are cut at the end, what stands around it is kept."""
        around = self._full.num_special_tokens_to_add(is_pair=False)
        own = self._full.encode(text, add_special_tokens=False)
        own.truncate(max(0, limit - around))
        ids: list[int] = self._full.post_process(own).ids
        return ids[:limit]

    def encode_plain(self, text: str) -> list[int]:
        """Token ids of text in which nothing is a control token."""
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        if len(text) > 1 and not self._control_ids.isdisjoint(ids):
            middle = len(text) // 2  # a vocabulary that also spells control tokens as ordinary pieces
            return self.encode_plain(text[:middle]) + self.encode_plain(text[middle:])
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text without control tokens. Bytes that are not UTF-8 become U+FFFD."""
        text: str = self._full.decode(ids, skip_special_tokens=True)
        return text

    def spell(self, ids: Sequence[int]) -> str:
        """As ``decode``, with control tokens by their names."""
        text: str = self._full.decode(ids, skip_special_tokens=False)
        return text

    def is_silent(self, token: int) -> bool:
        """Whether the token never has any text."""
        return token in self._silent_ids

    def is_byte(self, token: int) -> bool:
        """Whether the token is one byte of a character that the vocabulary lacks."""
        return token in self._byte_ids
