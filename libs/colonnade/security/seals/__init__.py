"""Seals: signatures that bind a version's files to its name, its number and its owner.

A seal is a Sigstore bundle, as OpenSSF Model Signing (the ``model_signing`` library and command) makes with a
pair of elliptic-curve keys: an in-toto statement that lists every file with its SHA-256, in a DSSE envelope.
One of the files is ours, ``colonnade-seal.json``; it holds what a version is beside its files, so that the
signature covers that too. What is here needs nothing but ``cryptography``; docs/dependencies.md says why.
"""

from colonnade.security.seals.keys import SigningKey, key_id, open_signing_key
from colonnade.security.seals.sealed import SIGNATURE, STATEMENT, File, Sealed
from colonnade.security.seals.signing import signed
from colonnade.security.seals.trusted import Trusted, publish
from colonnade.security.seals.verification import Untrusted, check

__all__ = [
    "SIGNATURE",
    "STATEMENT",
    "File",
    "Sealed",
    "SigningKey",
    "Trusted",
    "Untrusted",
    "check",
    "key_id",
    "open_signing_key",
    "publish",
    "signed",
]
