"""The tokenizer's files in the token set: copied, or trained on a sample of the documents for training."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from colonnade.errors import InvalidArgument
from colonnade.learn.data.card import TOKENIZER
from colonnade.learn.data.cleaning import draw
from colonnade.learn.data.crew import Cleaning, Crew
from colonnade.learn.data.passes import stages_of, stretches
from colonnade.learn.data.progress import Meter, Tell
from colonnade.learn.data.settings import DataSettings, TrainedTokenizerSettings
from colonnade.learn.data.sources import DocumentSource
from colonnade.learn.data.tokenizing import TokenizerFiles, load, train
from colonnade.models.artefact import TOKENIZER_CONFIG
from colonnade.storage.disk import full_disk_named, sync_folder


def make_tokenizer(
    settings: DataSettings, out: Path, sources: Sequence[DocumentSource], crew: Crew, tell: Tell, stretch: int
) -> None:
    """Does nothing where ``tokenizer.json`` is there, which comes last and in one step."""
    if (out / TOKENIZER).is_file():
        return
    said = settings.spelling()
    if isinstance(said, TrainedTokenizerSettings):
        texts = _Sample(settings, said, sources, crew, tell, stretch)
        files = train(said, texts.read())
        texts.check()
    else:
        files = load(said)
    _write(files, out)


def _write(files: TokenizerFiles, out: Path) -> None:
    aside = out / "journal" / "tokenizer"
    with full_disk_named("the token set's", "free some space"):
        aside.mkdir(parents=True, exist_ok=True)
        files.write(aside)
        for name in (TOKENIZER_CONFIG, TOKENIZER):
            with (aside / name).open("rb") as file:
                os.fsync(file.fileno())
            (aside / name).rename(out / name)
        sync_folder(out)


class _Sample:
    """Documents for training whose draw falls below a share, until each source has given its part.

    The share is the sample's of all stored bytes. Packed files hold more text than bytes, so their part is
    full before their end.
    """

    def __init__(
        self, settings: DataSettings, tokenizer: TrainedTokenizerSettings, sources: Sequence[DocumentSource],
        crew: Crew, tell: Tell, stretch: int,
    ) -> None:  # fmt: skip
        self._settings, self._crew, self._stretch = settings, crew, stretch
        self._sources = [(number, sources[number]) for number in stages_of(settings).get("train", [])]
        self._total = sum(source.size for _, source in self._sources)
        self._share = tokenizer.sample_bytes / max(1, self._total)
        self._meter = Meter("tokenizer", self._total, 0, tell)
        self._documents = 0

    def read(self) -> Iterator[str]:
        before = 0
        for number, source in self._sources:
            yield from self._of_source(number, source, before)
            before += source.size

    def check(self) -> None:
        if not self._documents:
            raise InvalidArgument(
                "no document is left to train the tokenizer on; loosen the rules, or raise sample_bytes",
                field="tokenizer.sample_bytes",
            )

    def _of_source(self, number: int, source: DocumentSource, before: int) -> Iterator[str]:
        left = self._share * source.size if self._share < 1 else float("inf")
        how = Cleaning(number, "train", sign=False)
        for documents in stretches(source.read(), self._stretch):
            cleaned = self._crew.clean([one.text for one in documents if not one.dropped], how)
            for one in cleaned:
                if one.text and draw(one.digest, self._settings.split.seed, b"sample") < self._share:
                    self._documents += 1
                    left -= len(one.text.encode())
                    yield one.text
                    if left <= 0:
                        return
            self._meter.told(source.name, before + documents[-1].consumed, self._documents, 0)
