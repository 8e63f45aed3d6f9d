"""Checks seals. Stricter than the library is: one signature, no older format, each file once."""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature

from colonnade.errors import ColonnadeError
from colonnade.security.inputs import JsonLimits, parse_object
from colonnade.security.seals.keys import PublicKey, scheme_of
from colonnade.security.seals.sealed import (
    BUNDLE_TYPE,
    METHOD,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    STATEMENT,
    STATEMENT_TYPE,
    Sealed,
    authenticated,
    root_of,
)

_LIMITS = JsonLimits(max_bytes=8 << 20, max_depth=16, max_nodes=64 << 10)


class Untrusted(ValueError):
    """What is wrong with a seal, in words that can be shown."""


def check(bundle: str, sealed: Sealed, keys: Mapping[str, PublicKey]) -> str:
    """The id of the key that made the seal. Raises ``Untrusted`` unless it is this version's, whole, by one
    of these keys."""
    key, payload = _opened(bundle, keys)
    _compare(_statement(payload), sealed)
    return key


def _opened(bundle: str, keys: Mapping[str, PublicKey]) -> tuple[str, bytes]:
    """Whose signature it is, and what was signed."""
    if not bundle:
        raise Untrusted("it has no seal")
    try:
        said = parse_object(bundle.encode(), _LIMITS, "seal")
        media, envelope = said["mediaType"], said["dsseEnvelope"]
        hint = said["verificationMaterial"]["publicKey"]["hint"]
        kind, (signature,) = envelope["payloadType"], envelope["signatures"]
        payload, made = _decoded(envelope["payload"]), _decoded(signature["sig"])
    except (ColonnadeError, KeyError, TypeError, ValueError):
        raise Untrusted("its seal is damaged") from None
    if media != BUNDLE_TYPE or kind != PAYLOAD_TYPE:
        raise Untrusted("its seal is of another kind")
    if not isinstance(hint, str) or hint not in keys:
        raise Untrusted("its seal was made with a key that is not trusted here")
    try:
        keys[hint].verify(made, authenticated(payload), scheme_of(keys[hint]))
    except InvalidSignature:
        raise Untrusted("the signature in its seal is not of what the seal says") from None
    return hint, payload


def _statement(payload: bytes) -> dict[str, str]:
    """The digests that were signed, by path; of a statement in the one form that we know."""
    try:
        said = parse_object(payload, _LIMITS, "seal")
        (subject,) = said["subject"]
        predicate = said["predicate"]
        how = predicate["serialization"]
        listed = [(each["name"], each["algorithm"], each["digest"]) for each in predicate["resources"]]
        root = subject["digest"]["sha256"]
        known = (said["_type"], said["predicateType"]) == (STATEMENT_TYPE, PREDICATE_TYPE)
        known = known and all(how[key] == METHOD[key] for key in ("method", "hash_type", "allow_symlinks"))
        whole = root == root_of(digest for _, _, digest in listed)
    except (ColonnadeError, KeyError, TypeError, ValueError):
        raise Untrusted("its seal is damaged") from None
    names = {name for name, _, _ in listed}
    if not known or not whole or len(names) != len(listed) or {kind for _, kind, _ in listed} != {"sha256"}:
        raise Untrusted("its seal is of another kind")
    return {name: digest for name, _, digest in listed}


def _compare(signed: Mapping[str, str], sealed: Sealed) -> None:
    wanted = sealed.resources
    if signed == wanted:
        return
    if signed.get(STATEMENT) != wanted[STATEMENT]:
        raise Untrusted("its seal is of another version, name or owner")
    odd = sorted(path for path in {*signed, *wanted} if signed.get(path) != wanted.get(path))
    raise Untrusted(f"the file {odd[0][:200]} is not the one that was signed")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError from error
