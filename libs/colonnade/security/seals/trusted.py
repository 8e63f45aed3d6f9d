"""The public keys that whoever loads a version trusts."""

import os
from collections.abc import Mapping
from pathlib import Path

from colonnade.errors import InvalidArgument
from colonnade.security.seals.keys import PublicKey, SigningKey, key_id, pem_of, read_public

SUFFIX = ".pem"


class Trusted:
    """Keys in files, read anew whenever they are needed: to trust another one takes no restart."""

    def __init__(self, places: tuple[Path, ...]) -> None:
        """PEM files, or folders of them. A place that is not there, or not yet, adds no key."""
        self._places = places

    @classmethod
    def parse(cls, text: str) -> "Trusted | None":
        """Places separated as in PATH; None where there is none."""
        places = tuple(Path(part).expanduser() for part in text.split(os.pathsep) if part.strip())
        return cls(places) if places else None

    def keys(self) -> Mapping[str, PublicKey]:
        """By id. A file that is no key adds none: one spoilt file takes no other key with it."""
        found = {}
        for file in self._files():
            try:
                public = read_public(file)
            except InvalidArgument:
                continue
            found[key_id(pem_of(public))] = public
        return found

    def _files(self) -> list[Path]:
        files: list[Path] = []
        for place in self._places:
            files += sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place] if place.exists() else []
        return files


def publish(key: SigningKey, folder: Path) -> Path:
    """Puts a key's public half where engines of this machine look for those that they trust."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{key.id[:16]}{SUFFIX}"
    draft = folder / f".{path.name}.{os.getpid()}"
    draft.write_text(key.public)
    draft.replace(path)
    return path
