"""What is done to a document before others matter: normalised, hashed, judged, signed. A function of its
text."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from colonnade.learn.data.duplicates import Signer
from colonnade.learn.data.normalise import normalise
from colonnade.learn.data.quality import first_broken
from colonnade.learn.data.settings import DataSettings, DuplicateSettings, SplitSettings

Split = Literal["train", "validation"]


@dataclass(frozen=True, slots=True)
class Cleaned:
    digest: bytes
    """SHA-256 of the normalised text."""
    split: Split
    text: str = ""
    """Empty where the document is dropped, or was not asked for."""
    dropped: str = ""
    """The rule that it breaks."""
    signature: bytes = b""


class Cleaner:
    def __init__(self, settings: DataSettings) -> None:
        self._settings = settings

    def clean(self, raw: str, source: int, wanted: Split, *, sign: bool) -> Cleaned:
        """``source`` is the number of its source. Nothing more is done to a document of the other split."""
        settings = self._settings.sources[source]
        text = normalise(raw, self._settings.normalise)
        digest = hashlib.sha256(text.encode()).digest()
        split: Split = (
            split_of(digest, self._settings.split) if settings.split == "hashed" else settings.split
        )
        if split != wanted:
            return Cleaned(digest, split)
        if broken := first_broken(text, settings.quality or self._settings.quality):
            return Cleaned(digest, split, dropped=broken)
        return Cleaned(digest, split, text, signature=self._signer.sign(text) if sign else b"")

    @cached_property
    def _signer(self) -> Signer:
        return Signer(compared_by(self._settings))


def compared_by(settings: DataSettings) -> DuplicateSettings:
    """How texts are compared: where duplicates stay, training documents are still compared with
    validation."""
    duplicates = settings.duplicates
    return duplicates.model_copy(update={"kind": "near"}) if duplicates.kind == "none" else duplicates


def split_of(digest: bytes, settings: SplitSettings) -> Split:
    return "validation" if draw(digest, settings.seed, b"split") < settings.validation else "train"


def draw(digest: bytes, seed: int, purpose: bytes) -> float:
    """A number in [0, 1) for a text: another one for another seed or purpose."""
    hashed = hashlib.blake2b(digest, digest_size=8, key=seed.to_bytes(8, "little"), person=purpose).digest()
    return (int.from_bytes(hashed, "little") >> 11) / (1 << 53)
