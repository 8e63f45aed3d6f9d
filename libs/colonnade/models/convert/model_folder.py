"""A folder from outside, of which only regular files inside it are read."""

from pathlib import Path
from typing import Any

from colonnade.errors import InvalidArgument, NotFound
from colonnade.security.inputs import (
    CONFIG,
    TOKENIZER,
    confined,
    decoded,
    parse_json,
    parse_object,
    read_bounded,
    sanitise_config,
)


class ModelFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.read: list[Path] = []
        """The files handed out so far."""
        self._roots = [path]
        if path.parent.name == "snapshots":  # Hugging Face's cache links each file into a folder beside it
            self._roots.append(path.parent.parent / "blobs")

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def file(self, name: str) -> Path:
        """The real path of a file of the folder; raises ``NotFound`` or ``InvalidArgument``."""
        if not self.has(name):
            raise NotFound(f"the folder has no {name}", field=name)
        real = confined(name, self._roots, field=name)
        if real not in self.read:
            self.read.append(real)
        return real

    def config(self, name: str) -> dict[str, Any]:
        """A small JSON object of plain data."""
        data = read_bounded(self.file(name), CONFIG.max_bytes, name)
        return sanitise_config(parse_object(data, CONFIG, name), field=name)

    def listing(self, name: str) -> list[dict[str, Any]]:
        """A small JSON list of objects of plain data."""
        data = read_bounded(self.file(name), CONFIG.max_bytes, name)
        entries = sanitise_config({"entries": parse_json(data, CONFIG, name)}, field=name)["entries"]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise InvalidArgument(f"{name} must be a JSON list of objects", field=name)
        return entries

    def document(self, name: str) -> dict[str, Any]:
        """A large JSON object: a shard index."""
        return parse_object(read_bounded(self.file(name), TOKENIZER.max_bytes, name), TOKENIZER, name)

    def text(self, name: str, limit: int) -> str:
        text = decoded(read_bounded(self.file(name), limit, name), name)
        if "\0" in text:
            raise InvalidArgument(f"{name} must not have a NUL character", field=name)
        return text
