"""Small token sets, written as preparing writes them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from colonnade.learn.data.card import TOKENIZER, Card
from colonnade.learn.data.shards import ShardWriter
from colonnade.learn.data.token_set import TokenSet

END = 0

Documents = Sequence[Sequence[int] | npt.NDArray[Any]]


def write_set(
    folder: Path, sources: Mapping[str, Documents], *, vocabulary: int = 512, shard_tokens: int = 64,
    split: str = "train",
) -> TokenSet:  # fmt: skip
    """A token set of one split, its tokenizer a file of two bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TOKENIZER).write_bytes(b"{}")
    cards = {}
    for name, documents in sources.items():
        at = folder / split / name
        with ShardWriter(at, vocabulary=vocabulary, end_of_text=END, shard_tokens=shard_tokens) as writer:
            for document in documents:
                writer.append(document)
            cards[name] = writer.close()
    digest = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    Card(tokenizer=digest, vocabulary=vocabulary, end_of_text=END, splits={split: cards}).write(folder)
    return TokenSet.open(folder, verify=True)
