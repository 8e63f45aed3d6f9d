"""One pass over the sources for one split: a stretch of documents at a time, each stretch done or not done.

A stretch is read, cleaned, compared with what was kept before, encoded, written, put on the disk, and then
told to the journal. How long it is changes nothing of the result.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colonnade.learn.data.cleaning import Cleaned, Split, compared_by
from colonnade.learn.data.crew import Cleaning, Crew, TokenizerAt
from colonnade.learn.data.duplicates import Index
from colonnade.learn.data.journal import Cursor, Journal, State, Tally
from colonnade.learn.data.progress import Meter
from colonnade.learn.data.settings import DataSettings
from colonnade.learn.data.shards import ShardWriter
from colonnade.learn.data.sources import Document, DocumentSource

DUPLICATE = "duplicate"
CONTAMINATION = "contamination"
_STRETCH_DOCUMENTS = 20_000


def stages_of(settings: DataSettings) -> dict[Split, list[int]]:
    """The numbers of the sources that each pass reads. Validation comes first, so that every document of it
    is known before the first one for training is looked at."""
    sources = list(enumerate(settings.sources))
    found: dict[Split, list[int]] = {
        "validation": [
            number
            for number, source in sources
            if source.split == "validation" or (source.split == "hashed" and settings.split.validation > 0)
        ],
        "train": [number for number, source in sources if source.split != "validation"],
    }
    return {split: numbers for split, numbers in found.items() if numbers}


def stretches(documents: Iterator[Document], characters: int) -> Iterator[list[Document]]:
    stretch: list[Document] = []
    size = 0
    for document in documents:
        stretch.append(document)
        size += len(document.text)
        if size >= characters or len(stretch) >= _STRETCH_DOCUMENTS:
            yield stretch
            stretch, size = [], 0
    if stretch:
        yield stretch


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the shards of all sources have in common."""

    folder: Path
    tokenizer: TokenizerAt
    vocabulary: int
    end_of_text: int


class Pass:
    def __init__(
        self, settings: DataSettings, split: Split, encoding: Encoding, crew: Crew, journal: Journal
    ) -> None:
        self._settings, self._split, self._encoding = settings, split, encoding
        self._crew, self._journal = crew, journal
        compared = compared_by(settings)
        stages = stages_of(settings)
        self._own = Index(journal.database, split, compared)
        self._validation = Index(journal.database, "validation", compared)
        self._drops = settings.duplicates.kind != "none"
        self._looks = split == "train" and "validation" in stages and settings.split.contamination != "ignore"
        keeps_for_later = split == "validation" and settings.split.contamination != "ignore"
        self._adds = self._drops or keeps_for_later
        self._signs = self._adds or self._looks
        self._last = {number: kind for kind, numbers in stages.items() for number in numbers}

    def run(
        self, number: int, source: DocumentSource, state: State, meter: Meter, before: int, stretch: int
    ) -> None:
        """All of one source that ``state`` does not have yet; ``before`` is what the sources before it
        hold."""
        cursor = state.cursor
        if cursor is None or (cursor.split, cursor.source) != (self._split, source.name):
            cursor = state.cursor = Cursor(self._split, source.name)
        tally = state.tallies.setdefault(source.name, Tally())
        with self._writer(cursor) as writer:
            for documents in stretches(source.read(cursor.place), stretch):
                with self._journal.transaction():
                    self._stretch(number, documents, tally, writer)
                    cursor.place, cursor.consumed = documents[-1].place.next(), documents[-1].consumed
                    cursor.position = writer.sync()
                    self._journal.save(state)
                meter.told(source.name, before + documents[-1].consumed, *_kept(state, writer))
            card = writer.close()
        with self._journal.transaction():
            state.cursor = None
            state.done.setdefault(self._split, {})[source.name] = card
            self._journal.save(state)

    def _writer(self, cursor: Cursor) -> ShardWriter:
        return ShardWriter(
            self._encoding.folder / self._split / cursor.source,
            vocabulary=self._encoding.vocabulary,
            end_of_text=self._encoding.end_of_text,
            shard_tokens=self._settings.shard_tokens,
            at=cursor.position,
        )

    def _stretch(self, number: int, documents: Sequence[Document], tally: Tally, writer: ShardWriter) -> None:
        whole = [document for document in documents if not document.dropped]
        how = Cleaning(number, self._split, self._signs)
        cleaned = self._crew.clean([document.text for document in whole], how)
        if self._last[number] == self._split:  # of the passes that read the source, one counts it
            self._count(documents, cleaned, tally)
        kept = [
            one.text
            for document, one in zip(whole, cleaned, strict=True)
            if one.split == self._split and self._keeps(one, document.mended, tally)
        ]
        for ids in self._crew.encode(kept, self._encoding.tokenizer, self._split):
            writer.append(ids)

    def _count(self, documents: Sequence[Document], cleaned: Sequence[Cleaned], tally: Tally) -> None:
        for document in documents:
            if document.dropped:
                tally.drop(document.dropped)
        for one in cleaned:
            chained = bytes.fromhex(tally.text_digest.removeprefix("sha256:")) + one.digest
            tally.text_digest = f"sha256:{hashlib.sha256(chained).hexdigest()}"

    def _keeps(self, cleaned: Cleaned, mended: bool, tally: Tally) -> bool:
        reason = cleaned.dropped or self._said_before(cleaned.signature, tally)
        if reason:
            tally.drop(reason)
            return False
        if self._adds:
            self._own.add(cleaned.signature)
        tally.documents += 1
        tally.mended += mended
        tally.bytes += len(cleaned.text.encode())
        return True

    def _said_before(self, signature: bytes, tally: Tally) -> str:
        if self._drops and self._own.find(signature) is not None:
            return DUPLICATE
        if self._looks and self._validation.find(signature) is not None:
            if self._settings.split.contamination == "drop":
                return CONTAMINATION
            tally.contaminated += 1
        return ""


def begins_at(state: State, split: Split, sources: Sequence[DocumentSource]) -> int:
    """Stored bytes of a pass that are done with."""
    done = sum(source.size for source in sources if source.name in state.done.get(split, {}))
    under_way = state.cursor is not None and state.cursor.split == split
    return done + (state.cursor.consumed if under_way and state.cursor else 0)


def _kept(state: State, writer: ShardWriter) -> tuple[int, int]:
    documents = sum(tally.documents - sum(tally.dropped.values()) for tally in state.tallies.values())
    tokens = sum(card.tokens for sources in state.done.values() for card in sources.values())
    return documents, tokens + writer.position.tokens
