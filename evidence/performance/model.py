"""The one model that every engine serves: SmolLM2-135M-Instruct, as the GGUF file it comes in and as the
Hugging Face folder that Colonnade's own conversion writes from it."""

import importlib.metadata
import shutil
from pathlib import Path

from colonnade.models.convert.command import convert
from colonnade.storage.bundled import DEFAULT, MODELS
from evidence.performance.engines.process import ROOT

FOLDER = ROOT / ".cache" / "evidence"


def gguf() -> Path:
    """The bundled model's file, four-bit blocks of type Q4_1."""
    bundled = MODELS[DEFAULT]
    files = importlib.metadata.files(bundled.package) or []
    return next(Path(str(file.locate())) for file in files if file.name == bundled.file)


def folder() -> Path:
    """The same weights in float32, as they were converted last."""
    return FOLDER / DEFAULT if (FOLDER / DEFAULT).exists() else converted()


def converted() -> Path:
    """The same weights in float32, converted now."""
    shutil.rmtree(FOLDER / DEFAULT, ignore_errors=True)
    convert(gguf(), FOLDER / DEFAULT, lambda _: None)
    return FOLDER / DEFAULT
