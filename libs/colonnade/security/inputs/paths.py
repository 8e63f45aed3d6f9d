"""Paths from outside: they stay under the folders they may be in, and mean regular files."""

import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from colonnade.errors import InvalidArgument, NotFound
from colonnade.security.inputs.injection import check_file_name
from colonnade.security.inputs.texts import check_text

MAX_PATH_BYTES = 4096
_MAX_COMPONENT_BYTES = 255
_MAX_ARTEFACT_PATH_BYTES = 512
_MAX_ARTEFACT_DEPTH = 8

ARTEFACT_SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".model", ".jinja", ".md"})
"""What a model version may be made of: data. Formats that can carry code (pickles, scripts) are not here."""


def confined(
    path: str | os.PathLike[str],
    roots: Sequence[Path],
    *,
    field: str = "path",
    kind: Literal["file", "folder", "either"] = "file",
) -> Path:
    """The real path of ``path``, when that is under one of ``roots`` and is a regular file (or a folder).

    A relative path counts from the first root. ``..`` is refused wherever it stands; a symbolic link is
    followed, and refused where it leads out of the roots, as is one that loops. Outside the roots the
    answer is the same whether something is there or not. Raises ``InvalidArgument`` or ``NotFound``.
    """
    given = _checked(os.fspath(path), field)
    bases = [Path(os.path.realpath(root)) for root in roots]
    if not bases:
        raise InvalidArgument(f"{field} is not allowed: no folder is open for this", field=field)
    try:
        real = Path(os.path.realpath(bases[0] / given))
        if not any(real.is_relative_to(base) for base in bases):
            raise InvalidArgument(f"{field} is outside the folders open for it", field=field)
        mode = os.lstat(real).st_mode
    except FileNotFoundError:
        raise NotFound(f"{field} does not exist", field=field) from None
    except (OSError, RuntimeError):
        raise InvalidArgument(f"{field} cannot be read", field=field) from None
    _check_kind(mode, kind, field)
    return real


def relative_artefact_path(
    value: object, field: str = "path", suffixes: Collection[str] | None = ARTEFACT_SUFFIXES
) -> str:
    """``value``, when it may be the path of an artefact in its version: ``model.safetensors``, ``a/b.json``.

    Relative, forward slashes, safe components, and a suffix out of ``suffixes`` (None: any).
    """
    path = check_text(value, field, _MAX_ARTEFACT_PATH_BYTES, controls="line")
    components = path.split("/")
    if not path.isascii() or len(components) > _MAX_ARTEFACT_DEPTH:
        raise InvalidArgument(
            f"{field} must be a relative ASCII path of at most {_MAX_ARTEFACT_DEPTH} components",
            field=field,
            limit=_MAX_ARTEFACT_DEPTH,
        )
    for component in components:
        check_file_name(component, field)
    if suffixes is not None and Path(path).suffix.lower() not in suffixes:
        raise InvalidArgument(
            f"{field} must end with one of {', '.join(sorted(suffixes))}: no format that can hold code",
            field=field,
            allowed=sorted(suffixes),
        )
    return path


def _checked(path: str, field: str) -> str:
    check_text(path, field, MAX_PATH_BYTES, controls="line")
    for component in path.split("/"):
        if component == "..":
            raise InvalidArgument(f"{field} must not have '..'", field=field)
        if len(component.encode()) > _MAX_COMPONENT_BYTES:
            raise InvalidArgument(
                f"{field} has a component longer than {_MAX_COMPONENT_BYTES} bytes",
                field=field,
                limit=_MAX_COMPONENT_BYTES,
            )
    return path


def _check_kind(mode: int, kind: Literal["file", "folder", "either"], field: str) -> None:
    if kind in ("file", "either") and stat.S_ISREG(mode):
        return
    if kind in ("folder", "either") and stat.S_ISDIR(mode):
        return
    wanted = {"file": "a regular file", "folder": "a folder", "either": "a regular file or a folder"}[kind]
    raise InvalidArgument(f"{field} must be {wanted}", field=field)
