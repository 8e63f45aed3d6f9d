"""Documents to token ids. Text is text: a control token that is written in a document is spelt out."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from colonnade.errors import InvalidArgument
from colonnade.learn.data.fill_in_middle import Marks
from colonnade.learn.data.rule_settings import FillInMiddleSettings
from colonnade.learn.data.tokenizing.files import parsed

Ids: TypeAlias = npt.NDArray[np.uint32]
_PIECE_CHARACTERS = 1 << 18
"""The library holds some 150 bytes a token while it encodes; a longer text is encoded in pieces."""
_CUT = re.compile(r"\S(?=\s)")


class Encoder:
    """Encodes on the threads of the tokenizers library: ``TOKENIZERS_PARALLELISM``, ``RAYON_NUM_THREADS``."""

    def __init__(self, definition: str, end_of_text: str) -> None:
        """``definition`` is the text of a ``tokenizer.json``. Raises ``InvalidArgument``, also where it does
        not know ``end_of_text``."""
        self._tokenizer = parsed(definition)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # spells them out, whatever the name suggests
        self.end_of_text = self.number(end_of_text, "end_of_text")
        self.vocabulary = 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values())

    def number(self, token: str, field: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            known = ", ".join(json.dumps(one, ensure_ascii=False) for one in self._special[:20]) or "none"
            raise InvalidArgument(
                f"the tokenizer does not know {field} {token!r}; its special tokens are: {known}", field=field
            )
        return found

    def marks(self, settings: FillInMiddleSettings) -> Marks:
        return Marks(
            *(self.number(getattr(settings, name), f"fill_in_middle.{name}") for name in Marks.__slots__)
        )

    def encode(self, documents: Sequence[Sequence[str | int]]) -> list[Ids]:
        """Each document is texts and single tokens; no end is added."""
        found: list[list[Ids]] = [[] for _ in documents]
        for group in _groups(documents):
            encoded = iter(self._plain([part for _, part in group if isinstance(part, str)]))
            for number, part in group:
                found[number].append(next(encoded) if isinstance(part, str) else np.array([part], np.uint32))
        return [np.concatenate(ids) if ids else np.empty(0, np.uint32) for ids in found]

    @cached_property
    def _special(self) -> list[str]:
        added = self._tokenizer.get_added_tokens_decoder()
        return [token.content for _, token in sorted(added.items()) if token.special]

    @cached_property
    def _controls(self) -> frozenset[int]:
        added = self._tokenizer.get_added_tokens_decoder()
        return frozenset(number for number, token in added.items() if token.special)

    def _plain(self, texts: list[str]) -> list[Ids]:
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        found: list[Ids] = []
        for text, ids in zip(texts, (one.ids for one in encoded), strict=True):
            if len(text) > 1 and not self._controls.isdisjoint(ids):
                middle = len(text) // 2  # a vocabulary that also spells control tokens as ordinary pieces
                found.append(np.concatenate(self._plain([text[:middle], text[middle:]])))
            else:
                found.append(np.array(ids, np.uint32))
        return found


def _groups(documents: Sequence[Sequence[str | int]]) -> Iterator[list[tuple[int, str | int]]]:
    """Parts with the number of their document, about as much text at a time as a piece has at most."""
    group: list[tuple[int, str | int]] = []
    size = 0
    for number, parts in enumerate(documents):
        for part in parts:
            for piece in _pieces(part) if isinstance(part, str) else (part,):
                group.append((number, piece))
                size += len(piece) if isinstance(piece, str) else 1
                if size >= _PIECE_CHARACTERS:
                    yield group
                    group, size = [], 0
    if group:
        yield group


def _pieces(text: str) -> Iterator[str]:
    """Cut before white space, where tokens of a byte-level BPE begin anyway."""
    start = 0
    while len(text) - start > _PIECE_CHARACTERS:
        cut = _CUT.search(text, start + _PIECE_CHARACTERS)
        if cut is None:
            break
        yield text[start : cut.end()]
        start = cut.end()
    yield text[start:]
