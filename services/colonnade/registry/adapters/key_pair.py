"""Seals with a pair of keys in files."""

from pathlib import Path

from colonnade.errors import Conflict
from colonnade.registry.seals.ports import Owned
from colonnade.security.seals import SigningKey, open_signing_key, signed

SETTING = "COLONNADE_REGISTRY_SIGNING_KEY"


class FileMarker:
    """Implements ``seals.ports.Marker``: a file of the registry's own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_set(self) -> bool:
        return self._path.exists()

    def set(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.touch(mode=0o600)


class KeyPair:
    """Implements ``seals.ports.Sealer``."""

    def __init__(self, key: SigningKey) -> None:
        self.pair = key

    @classmethod
    def opened(cls, named: Path | None, password: str, own: Path) -> "KeyPair":
        """The key that is named, or that of the registry's own, which is made if it is not there."""
        return cls(SigningKey.read(named, password, SETTING) if named else open_signing_key(own))

    @property
    def key(self) -> str:
        return self.pair.id

    @property
    def public_key(self) -> str:
        return self.pair.public

    def seal(self, owned: Owned) -> str:
        found = owned.manifest
        if found.content.digest != found.digest:
            raise Conflict(
                f"{found.name}:{found.version} is not signed: its files are not those that its digest is of",
                field="version", integrity="manifest",
            )  # fmt: skip
        return signed(owned.sealed, self.pair)
