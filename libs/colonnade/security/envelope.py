"""Secrets that a database keeps, sealed so that whoever reads it has nothing without a key from elsewhere.

Envelope encryption: each secret is sealed with a data key of its own, drawn for it, and the data key with a
key-encryption key out of a file. Both with AES-256-GCM, and both bound to a context that says whose secret it
is: moved to another record it does not open. What is kept is a line of text:

    sealed.1.<id of the key-encryption key>.<sealed data key>.<sealed secret>

A file of keys has one a line, 32 bytes as Base64; lines that begin with # say something to people. The first
key seals, each opens. So a key is replaced by writing a new one above it, and taken away once
nothing is sealed with it any more (``renewed``).
"""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument
from colonnade.security.inputs import read_bounded
from colonnade.security.own_files import made_once

_KEY_BYTES, _NONCE_BYTES = 32, 12
_MAX_FILE_BYTES = 64 << 10
_MARK = "sealed.1."


class KeyMissing(Conflict):
    """It is sealed with a key that is not there: ``details["key"]`` has its id."""


class NotWhole(Conflict):
    """It is damaged, or was sealed for another context."""


class Keyring:
    """Key-encryption keys, of which the first seals. ``setting`` names their file in refusals."""

    def __init__(self, keys: Sequence[bytes], setting: str) -> None:
        self._keys = {_id_of(key): AESGCM(key) for key in keys}
        self._setting = setting
        self.first = _id_of(keys[0])
        """The id of the key that seals."""

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    @classmethod
    def read(cls, path: Path, setting: str) -> "Keyring":
        """``InvalidArgument``, which says nothing of what is in the file."""
        try:
            lines = read_bounded(path.resolve(), _MAX_FILE_BYTES, setting).decode("ascii").split("\n")
            keys = [_key(line) for line in map(str.strip, lines) if line and not line.startswith("#")]
        except (ColonnadeError, OSError, ValueError):
            keys = []
        if not keys:
            raise InvalidArgument(
                f"{setting} cannot be read: it must be a file of keys that this process may read, "
                "one a line, 32 bytes as Base64 (`openssl rand -base64 32`)",
                field=setting,
            )
        return cls(keys, setting)

    @classmethod
    def opened(cls, path: Path, setting: str) -> "Keyring":
        """The keys of a file of our own, which is made with one key if it is not there."""
        made_once(path, lambda: base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
        return cls.read(path, setting)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def seal(self, secret: bytes, *context: str) -> str:
        data_key = secrets.token_bytes(_KEY_BYTES)
        return self._wrapped(data_key, _encrypted(AESGCM(data_key), secret, "secret", context), context)

    def open(self, sealed: str, *context: str) -> bytes:
        """Raises ``KeyMissing`` or ``NotWhole``."""
        data_key, payload = self._unwrapped(sealed, context)
        return _decrypted(AESGCM(data_key), payload, "secret", context)

    def renewed(self, sealed: str, *context: str) -> str:
        """The same secret under the first key; what is under it already stays. Raises as ``open``."""
        if key_of(sealed) == self.first:
            return sealed
        return self._wrapped(*self._unwrapped(sealed, context), context)

    def _wrapped(self, data_key: bytes, payload: str, context: tuple[str, ...]) -> str:
        wrapped = _encrypted(self._keys[self.first], data_key, "data key", context)
        return f"{_MARK}{self.first}.{wrapped}.{payload}"

    def _unwrapped(self, sealed: str, context: tuple[str, ...]) -> tuple[bytes, str]:
        key, wrapped, payload = _parts(sealed)
        if key not in self._keys:
            raise KeyMissing(
                f"what is kept sealed was sealed with the key {key}, which is not in {self._setting}: put "
                "that key back, on a line of its own. It is in no backup but one of that file",
                key=key,
            )
        data_key = _decrypted(self._keys[key], wrapped, "data key", context)
        return data_key, payload


def is_sealed(text: str) -> bool:
    return text.startswith(_MARK)


def key_of(sealed: str) -> str:
    """The id of the key that it needs. Raises ``NotWhole``."""
    return _parts(sealed)[0]


def _parts(sealed: str) -> tuple[str, str, str]:
    parts = sealed.removeprefix(_MARK).split(".")
    if not is_sealed(sealed) or len(parts) != 3:
        raise _not_whole()
    return parts[0], parts[1], parts[2]


def _key(line: str) -> bytes:
    key = base64.b64decode(line, validate=True)
    if len(key) != _KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return key


def _id_of(key: bytes) -> str:
    return hashlib.sha256(b"colonnade key-encryption key\0" + key).hexdigest()[:16]


def _encrypted(key: AESGCM, plain: bytes, what: str, context: tuple[str, ...]) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return base64.b64encode(nonce + key.encrypt(nonce, plain, _bound(what, context))).decode()


def _decrypted(key: AESGCM, text: str, what: str, context: tuple[str, ...]) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
        if base64.b64encode(data).decode() != text:
            raise ValueError("one secret has one text")
        return key.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound(what, context))
    except (binascii.Error, InvalidTag, ValueError):
        raise _not_whole() from None


def _bound(what: str, context: tuple[str, ...]) -> bytes:
    """The associated data: as JSON, so that no two contexts read alike."""
    return json.dumps([_MARK, what, *context]).encode()


def _not_whole() -> NotWhole:
    return NotWhole("what is kept sealed is damaged, or was sealed for another record")
