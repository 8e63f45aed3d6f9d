"""Which of the files that arrived is what is converted."""

from collections.abc import Sequence
from pathlib import Path

from colonnade.errors import InvalidArgument


def place_of(folder: Path, paths: Sequence[str]) -> Path:
    """One .gguf file alone, or the folder."""
    weights = [path for path in paths if path.lower().endswith(".gguf")]
    if weights and len(paths) > 1:
        raise InvalidArgument(
            "a .gguf file is a model by itself; send it alone, or a folder in Hugging Face's layout",
            field="files",
        )
    return folder / weights[0] if weights else folder
