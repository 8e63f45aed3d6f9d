"""What a recipe may read, where others run it than wrote it. The training service says so for each
run; checked before anything is read, with every link followed.

Outside, the refusal is the same whether something is there or not.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument, PermissionDenied, TooLarge
from colonnade.learn.data.sources.files import fixed_part
from colonnade.learn.fields import SettingsModel

NAMES_FILES = frozenset(
    {"paths", "path", "vocabulary_path", "merges_path", "from_", "teacher", "mlflow", "calibrate"}
)
"""The fields, wherever they stand, whose texts name files, folders or servers."""
_WRITES = frozenset({"mlflow"})
"""Fields that a folder would be written for: a server alone is named."""
_MOST_FILES = 200_000
Texts = Annotated[tuple[str, ...], Field(strict=False)]


class ReadsSettings(SettingsModel):
    """Folders and beginnings of URLs. What begins with a dot below a folder is not of it."""

    folders: Texts = Field(default=(), description="Absolute ones.")
    urls: Texts = Field(default=(), description="s3://bucket/prefix, or s3:// for any.")
    never: Texts = Field(
        default=(), description="Folders that are not read although they lie in one of those."
    )


def check_reads(said: BaseModel, reads: ReadsSettings) -> None:
    """``said`` is the recipe. Raises ``PermissionDenied`` or ``InvalidArgument`` by the field."""
    bounds = _Bounds(reads)
    for field, text in _named(said):
        if "://" in text:
            bounds.check_url(field, text)
        elif field.rpartition(".")[2] in _WRITES:
            raise _outside(field)
        else:
            bounds.check_path(field, text)


class _Bounds:
    def __init__(self, reads: ReadsSettings) -> None:
        self._urls = reads.urls
        self._folders = [Path(os.path.realpath(folder)) for folder in reads.folders]
        self._never = [Path(os.path.realpath(folder)) for folder in reads.never]

    def check_url(self, field: str, url: str) -> None:
        if ".." in url.split("/"):
            raise InvalidArgument(f"{field} must not have '..'", field=field)
        for known in self._urls:
            if url == known or url.startswith(known if known.endswith("/") else f"{known}/"):
                return
        raise _outside(field)

    def check_path(self, field: str, pattern: str) -> None:
        if ".." in Path(pattern).parts or "\0" in pattern:
            raise InvalidArgument(f"{field} must not have '..'", field=field)
        expanded = str(Path(pattern).expanduser())
        start = expanded if os.path.lexists(expanded) else fixed_part(expanded)
        if not self._has(Path(os.path.realpath(start or "."))):
            raise _outside(field)
        for number, path in enumerate(_files(expanded)):
            if not self._has(Path(os.path.realpath(path))):
                raise _outside(field)
            if number >= _MOST_FILES:
                raise TooLarge(f"{field} names more than {_MOST_FILES} files", field=field, limit=_MOST_FILES)

    def _has(self, real: Path) -> bool:
        """The nearest of the folders that it lies in decides."""
        inside, ruled_out = _nearest(real, self._folders), _nearest(real, self._never)
        if inside is None or (ruled_out is not None and len(ruled_out.parts) > len(inside.parts)):
            return False
        return not any(part.startswith(".") for part in real.relative_to(inside).parts)


def _nearest(real: Path, folders: Sequence[Path]) -> Path | None:
    found = [folder for folder in folders if real.is_relative_to(folder)]
    return max(found, key=lambda folder: len(folder.parts), default=None)


def _files(pattern: str) -> Iterator[str]:
    """All that the pattern means, and all that is in what is a folder."""
    there = os.path.lexists(pattern)
    for name in [pattern] if there else glob.iglob(pattern, recursive=True):  # noqa: PTH207 - as sources do
        yield name
        for folder, folders, files in os.walk(name):  # nothing where it is no folder
            yield from (f"{folder}/{each}" for each in (*folders, *files))


def _named(said: object, field: str = "") -> Iterator[tuple[str, str]]:
    """Every text that names something, with where it stands."""
    if isinstance(said, BaseModel):
        for name, info in type(said).model_fields.items():
            place = f"{field}.{info.alias or name}".removeprefix(".")
            value = getattr(said, name)
            yield from _texts(value, place) if name in NAMES_FILES else _named(value, place)
    elif isinstance(said, tuple):
        for number, each in enumerate(said):
            yield from _named(each, f"{field}[{number}]")


def _texts(value: object, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, tuple):
        yield from ((f"{field}[{number}]", str(each)) for number, each in enumerate(value))


def _outside(field: str) -> PermissionDenied:
    return PermissionDenied(
        f"{field} lies outside what recipes may read here; name a folder that they may, or let whoever runs"
        " the training service add it (COLONNADE_TRAINING_READS)",
        field=field,
    )
