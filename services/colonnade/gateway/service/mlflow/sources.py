"""What the source of a model version means."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.security.inputs import check_text, model_name
from colonnade.security.inputs.catalogue import MAX_SOURCE_BYTES, MAX_VERSION

_TAKEN = (
    "bundled:..., a folder or a .gguf file on the registry's machine, file://..., https://... "
    "or models:/name/version"
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_FILE = re.compile(r"file:(?://(?:localhost)?(?=/)|(?!//))(/.*)", re.IGNORECASE)
_TRACKED = ("runs", "mlflow-artifacts", "dbfs")


@dataclass(frozen=True, slots=True)
class VersionSource:
    """The content of a version that is there."""

    name: str
    version: int


def parsed_source(source: str) -> str | VersionSource:
    """What an import takes, or a version whose content is taken."""
    check_text(source, "source", MAX_SOURCE_BYTES, controls="line")
    match = _SCHEME.match(source)
    scheme = match[1].lower() if match else ""
    if scheme == "models":
        return _version(source)
    if scheme == "file":
        return _file(source)
    if scheme in ("", "bundled", "https"):
        return source
    if scheme in _TRACKED:
        raise Unsupported(
            f"there are no runs and no artifacts of {scheme}: here; source must be {_TAKEN}", field="source"
        )
    raise InvalidArgument(f"source must be {_TAKEN}", field="source")


def version_number(text: str) -> int:
    """MLflow writes versions as text."""
    if text.isascii() and text.isdigit() and len(text) <= 16 and 1 <= int(text) <= MAX_VERSION:
        return int(text)
    raise InvalidArgument("version must be a number from 1 on", field="version", limit=MAX_VERSION)


def _version(source: str) -> VersionSource:
    """``models:/name/version``; aliases and stages may move while a copy is made, and are no sources."""
    parts = source.removeprefix("models:").strip("/").split("/")
    if len(parts) != 2 or not parts[1].isdigit():
        raise InvalidArgument(
            "source must name one version, as models:/name/version does; "
            "look up what an alias or a stage means first",
            field="source",
        )
    return VersionSource(model_name(parts[0], "source"), version_number(parts[1]))


def _file(source: str) -> str:
    match = _FILE.fullmatch(source)
    if match is None:
        raise InvalidArgument("a file:// source must be an absolute path without a host", field="source")
    return check_text(unquote(match[1]), "source", MAX_SOURCE_BYTES, controls="line")
