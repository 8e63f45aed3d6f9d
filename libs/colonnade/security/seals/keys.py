"""Pairs of keys that seal: elliptic curves P-256, P-384 and P-521, as Model Signing takes them."""

import hashlib
from pathlib import Path
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.security.inputs import read_bounded
from colonnade.security.own_files import made_once

PublicKey: TypeAlias = ec.EllipticCurvePublicKey
_MAX_PEM_BYTES = 64 << 10
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_NOT_ONE = "{} must be the PEM of an elliptic-curve key (P-256, P-384 or P-521)"


class SigningKey:
    """A private key. Its ``repr`` shows the public half's id alone."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        self.public = pem_of(private.public_key())
        self.id = key_id(self.public)

    def __repr__(self) -> str:
        return f"SigningKey({self.id})"

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data, scheme_of(self._private.public_key()))

    def private_pem(self) -> bytes:
        """Unencrypted: for a file that its owner alone can read."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def read(cls, path: Path, password: str = "", setting: str = "the signing key") -> "SigningKey":
        """``setting`` names the file in refusals, which say nothing of what is in it."""
        try:
            pem = read_bounded(path.resolve(), _MAX_PEM_BYTES, setting)
            private = load_pem_private_key(pem, password.encode() or None)
        except (ColonnadeError, OSError, ValueError, TypeError):
            raise InvalidArgument(
                f"{setting} cannot be read: it must be a PEM file that this process may read; one that is "
                "encrypted needs its password",
                field="signing_key",
            ) from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name not in _HASHES:
            raise InvalidArgument(_NOT_ONE.format(setting), field="signing_key")
        return cls(private)


def open_signing_key(path: Path) -> SigningKey:
    """The key in this file, which is made at the first start: P-256, for its owner's eyes alone."""
    made_once(path, lambda: SigningKey.generate().private_pem())
    return SigningKey.read(path)


def key_id(public_pem: str) -> str:
    """What a bundle names the key by that made it: the SHA-256 of the public half's PEM."""
    return hashlib.sha256(public_pem.encode()).hexdigest()


def pem_of(public: PublicKey) -> str:
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public(path: Path) -> PublicKey:
    """Raises ``InvalidArgument`` for what is no public key of a kind that seals."""
    try:
        public = load_pem_public_key(read_bounded(path.resolve(), _MAX_PEM_BYTES, path.name))
    except (ColonnadeError, OSError, ValueError):
        raise InvalidArgument(_NOT_ONE.format(path.name), field="trusted_keys") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name not in _HASHES:
        raise InvalidArgument(_NOT_ONE.format(path.name), field="trusted_keys")
    return public


def scheme_of(public: PublicKey) -> ec.ECDSA:
    """How the key signs: its curve says with which hash."""
    return ec.ECDSA(_HASHES[public.curve.name])
