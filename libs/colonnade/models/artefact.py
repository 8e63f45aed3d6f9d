"""The files of a model version, whatever its family: their names, and what ``colonnade.json`` says."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import CONFIG as LIMITS
from colonnade.security.inputs import parse_object, read_bounded, sanitise_config

DESCRIPTION = "colonnade.json"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
GENERATION_CONFIG = "generation_config.json"

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What ``colonnade.json`` says of a version."""

    family: str
    parameters: int
    size_label: str
    context_length: int
    dtype: str
    source: Mapping[str, Any] = field(default_factory=dict)
    base: str = ""
    """Of an adapter: the digest of the version that it belongs to."""

    def write(self, folder: Path) -> None:
        said = {name: value for name, value in asdict(self).items() if name != "base" or value}
        (folder / DESCRIPTION).write_text(json.dumps({"format": FORMAT} | said, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Description":
        raw = read_config(path, DESCRIPTION)
        if raw.get("format") != FORMAT:
            raise InvalidArgument(f"{DESCRIPTION}: format must be {FORMAT}", field="format", limit=FORMAT)
        kinds = {"family": str, "parameters": int, "size_label": str, "context_length": int, "dtype": str}
        for name, kind in kinds.items():
            if not isinstance(raw.get(name), kind):
                raise InvalidArgument(f"{DESCRIPTION}: {name} must be of type {kind.__name__}", field=name)
        source, base = raw.get("source"), raw.get("base", "")
        if not isinstance(base, str):
            raise InvalidArgument(f"{DESCRIPTION}: base must be a digest", field="base")
        values = {name: raw[name] for name in kinds}
        return cls(**values, source=source if isinstance(source, dict) else {}, base=base)


def required(files: Mapping[str, Path], name: str) -> Path:
    if name not in files:
        raise InvalidArgument(f"the model version lacks the file {name}", field=name)
    return files[name]


def read_config(path: Path, name: str) -> dict[str, Any]:
    """A small JSON object; errors speak of ``name``, since blobs lie under paths that mean nothing."""
    data = read_bounded(path, LIMITS.max_bytes, name)
    return sanitise_config(parse_object(data, LIMITS, name), field=name)
