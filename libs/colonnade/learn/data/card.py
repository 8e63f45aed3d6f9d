"""What a token set says of itself: ``card.json``.

::

    <folder>/card.json
    <folder>/tokenizer.json
    <folder>/<split>/<source>/00000.tokens   little-endian uint16, or uint32 for more than 65,536 token ids
    <folder>/<split>/<source>/00000.ends     little-endian uint64: where each document of the shard ends

Documents lie end to end, each ended by ``end_of_text``, and none crosses from one shard into the next. An end
is exclusive and counts the tokens of its shard.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import TOKENIZER as LIMITS
from colonnade.security.inputs import check_file_name, parse_object, read_bounded
from colonnade.storage.disk import full_disk_named, sync_folder

CARD = "card.json"
TOKENIZER = "tokenizer.json"
FORMAT = 1
ENDS = np.dtype("<u8")
_CHUNK = 1 << 20
_FACTS = ("tokenizer", "vocabulary", "end_of_text", "dropped", "settings")

SPLITS = ("train", "validation")


class Damaged(InvalidArgument):
    """A file of a token set is not what its card says; ``details["field"]`` names it."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(
            f"the token set's {file} {why}; prepare the set again or restore the file", field=file
        )


def width_of(vocabulary: int) -> "np.dtype[np.unsignedinteger[Any]]":
    """How one token lies on the disk."""
    return np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")


def sha256_of(path: Path) -> str:
    """The digest of a file, read piece by piece: ``sha256:<hexadecimal>``."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Shard:
    documents: int
    tokens: int
    """Those of ``end_of_text`` among them."""
    tokens_digest: str
    ends_digest: str


@dataclass(frozen=True, slots=True)
class SourceCard:
    """What one source gave to one split."""

    shards: tuple[Shard, ...] = ()

    @property
    def documents(self) -> int:
        return sum(shard.documents for shard in self.shards)

    @property
    def tokens(self) -> int:
        return sum(shard.tokens for shard in self.shards)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    tokenizer: str
    """The digest of ``tokenizer.json``."""
    vocabulary: int
    end_of_text: int
    splits: Mapping[str, Mapping[str, SourceCard]]
    """By split and source."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Documents that did not get in, by reason."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What it was made with; for people, and no part of the digest."""

    def __post_init__(self) -> None:
        if not 0 <= self.end_of_text < self.vocabulary <= 1 << 32:
            raise InvalidArgument(
                f"{CARD}: end_of_text must be below the vocabulary, {self.vocabulary}",
                field="end_of_text",
            )
        for split, sources in self.splits.items():
            if split not in SPLITS:
                raise InvalidArgument(f"{CARD}: a split is one of {', '.join(SPLITS)}", field="splits")
            for source in sources:
                check_file_name(source, "source")

    @property
    def digest(self) -> str:
        """Of what decides the batches: the tokens and their tokenizer, not how or where they were made."""
        said = self._said()
        content = {name: said[name] for name in (*_FACTS[:3], "format", "splits")}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def write(self, folder: Path) -> None:
        """In one step, and last: a folder with a card is a whole token set."""
        draft = folder / f".{CARD}.partial"
        with full_disk_named("the token set's", "free some space"):
            with draft.open("w", encoding="utf-8") as file:
                json.dump({"digest": self.digest} | self._said(), file, indent=2, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            draft.rename(folder / CARD)
            sync_folder(folder)

    @classmethod
    def read(cls, folder: Path) -> "Card":
        """Raises ``NotFound`` where there is none, ``Damaged`` where it is not what was written."""
        content = read_bounded(folder / CARD, LIMITS.max_bytes, CARD)
        try:
            raw = parse_object(content, LIMITS, CARD)
        except InvalidArgument as error:
            raise Damaged(CARD, "is not JSON that can be read") from error
        if raw.get("format") != FORMAT:
            raise InvalidArgument(f"{CARD}: format must be {FORMAT}", field="format", limit=FORMAT)
        try:
            card = cls(
                **{name: raw[name] for name in _FACTS},
                splits={
                    split: {source: _source(said) for source, said in sources.items()}
                    for split, sources in raw["splits"].items()
                },
            )
            digest = card.digest
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Damaged(CARD, "is not a card") from error
        if digest != raw.get("digest"):
            raise Damaged(CARD, "has another digest than its contents")
        return card

    def _said(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "tokenizer": self.tokenizer,
            "vocabulary": self.vocabulary,
            "end_of_text": self.end_of_text,
            "splits": {
                split: {
                    name: {"documents": source.documents, "tokens": source.tokens}
                    | {"shards": [asdict(shard) for shard in source.shards]}
                    for name, source in sources.items()
                }
                for split, sources in self.splits.items()
            },
            "dropped": dict(self.dropped),
            "settings": dict(self.settings),
        }


def _source(said: Mapping[str, Any]) -> SourceCard:
    return SourceCard(tuple(Shard(**shard) for shard in said["shards"]))
