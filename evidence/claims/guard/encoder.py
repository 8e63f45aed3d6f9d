"""The platform's sentence encoder, run by its own engine in this process.

Its vectors are kept on the disk."""

import importlib.metadata
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from colonnade.engine.artefacts import runtime_of
from colonnade.engine.core import Core
from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.scheduler import Limits
from colonnade.ethics.ports import Embedded
from colonnade.models.artefact import Description
from colonnade.models.convert.command import convert
from colonnade.models.families import catalog
from colonnade.storage.bundled import MINILM, MODELS
from colonnade.storage.versions import version_digest
from evidence.claims.guard.packages import FOLDER
from evidence.performance.engines.process import ROOT
from tests.unit.engine.embedded import vectors_of

Vectors: TypeAlias = NDArray[np.float32]
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    digest: str
    size_bytes: int


class Encoder:
    """Implements ``ethics.ports.Embedder``."""

    def __init__(self, kept: Path = FOLDER / "vectors.npz") -> None:
        self._runtime, self.digest = _loaded()
        self._kept = kept
        self._vectors: dict[str, Vectors] = {}
        if kept.exists():
            with np.load(kept) as read:  # allow_pickle is off
                if str(read["model"]) == self.digest:
                    self._vectors = dict(zip(read["texts"].tolist(), read["vectors"], strict=True))

    async def embed(self, texts: Sequence[str]) -> Embedded:
        return Embedded(self.digest, self.vectors(texts))

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Of unit length, shape ``(len(texts), width)``."""
        missing = sorted({text for text in texts if _name(text) not in self._vectors}, key=len)
        for start in range(0, len(missing), _AT_ONCE):
            batch = missing[start : start + _AT_ONCE]
            found = vectors_of(Core(Limits()), self._runtime, batch, truncate=True).numpy()
            self._vectors |= zip(map(_name, batch), found, strict=True)
            if start // _AT_ONCE % 16 == 15:
                self.keep()
        return np.stack([self._vectors[_name(text)] for text in texts]).astype(np.float32)

    def keep(self) -> None:
        """Writes what it knows, so that the next run need not embed it again."""
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        vectors = np.stack(list(self._vectors.values()))
        np.savez(self._kept, model=self.digest, texts=np.array(list(self._vectors)), vectors=vectors)


def _loaded() -> tuple[Runtime, str]:
    """The bundled model as the registry would import it, and the digest that it would give it."""
    bundled = MODELS[MINILM]
    files = importlib.metadata.files(bundled.package) or []
    source = next(Path(str(file.locate())).parent for file in files if file.name == bundled.file)
    folder = ROOT / ".cache" / "evidence" / MINILM
    shutil.rmtree(folder, ignore_errors=True)
    convert(source, folder, lambda _: None)
    paths = {path.name: path for path in folder.iterdir()}
    family = Description.read(paths["colonnade.json"]).family
    digest = version_digest(family, [_file(path) for path in paths.values()])
    return runtime_of(ModelRef(MINILM, 1, digest), family, catalog.load(paths), paths), digest


def _file(path: Path) -> _File:
    content = path.read_bytes()
    return _File(path.name, f"sha256:{sha256(content).hexdigest()}", len(content))


def _name(text: str) -> str:
    return sha256(text.encode()).hexdigest()
