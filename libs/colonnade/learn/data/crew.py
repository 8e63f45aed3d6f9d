"""The work on documents, here or in other processes: results come in the order of the documents either
way."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from colonnade.errors import Unavailable
from colonnade.learn.data.cleaning import Cleaned, Cleaner, Split
from colonnade.learn.data.fill_in_middle import rearranged
from colonnade.learn.data.settings import DataSettings
from colonnade.learn.data.tokenizing import Encoder
from colonnade.learn.data.tokenizing.encoder import Ids

_BATCH_CHARACTERS = 1 << 18
_BATCH_DOCUMENTS = 1024
_Result = TypeVar("_Result")


class Cleaning(NamedTuple):
    """What all documents of a batch have in common."""

    source: int
    wanted: Split
    sign: bool


class TokenizerAt(NamedTuple):
    """A ``tokenizer.json``; the digest tells it from another one that lies there later."""

    path: Path
    digest: str


class Crew:
    """Processes that outlive neither the ``with`` block nor a parent that is killed."""

    def __init__(self, settings: DataSettings) -> None:
        self._said = settings.model_dump_json()
        self._pool: ProcessPoolExecutor | None = None
        if settings.processes > 1:
            context = multiprocessing.get_context("spawn")  # libraries that have threads do not fork well
            self._pool = ProcessPoolExecutor(settings.processes, context, initializer=_begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def clean(self, texts: Sequence[str], how: Cleaning) -> list[Cleaned]:
        return self._all(partial(_clean, self._said, how), texts)

    def encode(self, texts: Sequence[str], tokenizer: TokenizerAt, split: Split) -> list[Ids]:
        """Training documents may get a gap to fill."""
        return self._all(partial(_encode, self._said, tokenizer, split), texts)

    def _all(self, work: Callable[[list[str]], list[_Result]], texts: Sequence[str]) -> list[_Result]:
        each = map if self._pool is None else self._pool.map
        try:
            return [result for batch in each(work, list(_batches(texts))) for result in batch]
        except BrokenProcessPool as error:
            raise Unavailable(
                "a process that worked on documents was killed, most likely for want of memory; lower"
                " processes or largest_document_bytes and start again: what was prepared stays",
                field="processes",
            ) from error


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH_CHARACTERS or len(batch) >= _BATCH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _clean(said: str, how: Cleaning, texts: list[str]) -> list[Cleaned]:
    cleaner = _cleaner(said)
    return [cleaner.clean(text, how.source, how.wanted, sign=how.sign) for text in texts]


def _encode(said: str, tokenizer: TokenizerAt, split: Split, texts: list[str]) -> list[Ids]:
    settings, encoder = _encoder(said, tokenizer)
    middle = settings.fill_in_middle if split == "train" else None
    if middle is None:
        return encoder.encode([[text] for text in texts])
    marks = encoder.marks(middle)
    return encoder.encode([rearranged(text, middle, marks) for text in texts])


@lru_cache(maxsize=1)
def _cleaner(said: str) -> Cleaner:
    return Cleaner(DataSettings.model_validate_json(said))


@lru_cache(maxsize=1)
def _encoder(said: str, tokenizer: TokenizerAt) -> tuple[DataSettings, Encoder]:
    settings = DataSettings.model_validate_json(said)
    return settings, Encoder(tokenizer.path.read_text(), settings.spelling().end_of_text)


def _begin() -> None:
    """A parent that is killed tells nobody, and its children would wait for work for ever.
    Each of several processes keeps to one thread."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    parent: Any = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
