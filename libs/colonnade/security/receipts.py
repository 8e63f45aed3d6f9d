"""Receipts: what was done, signed, so that it can be shown to whoever asks years later.

A receipt is a DSSE envelope (Dead Simple Signing Envelope, of the Secure Systems Lab) in JSON, signed with an
elliptic-curve key (``seals.keys``): the facts are its payload, as JSON in Base64."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.security.inputs import JsonLimits, parse_object
from colonnade.security.seals.keys import PublicKey, SigningKey, key_id, pem_of, scheme_of
from colonnade.security.seals.verification import Untrusted

PAYLOAD_TYPE = "application/vnd.colonnade.receipt+json"
_LIMITS = JsonLimits(max_bytes=1 << 20, max_depth=16, max_nodes=32 << 10)


def signed(facts: Mapping[str, Any], key: SigningKey) -> str:
    payload = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    signature = {"keyid": key.id, "sig": _base64(key.sign(_authenticated(payload)))}
    envelope = {"payloadType": PAYLOAD_TYPE, "payload": _base64(payload), "signatures": [signature]}
    return json.dumps(envelope)


def verified(receipt: str, keys: Mapping[str, PublicKey]) -> dict[str, Any]:
    """The facts. Raises ``Untrusted`` unless the receipt is whole, and signed by one of these keys."""
    try:
        said = parse_object(receipt.encode(), _LIMITS, "receipt")
        kind, (signature,) = said["payloadType"], said["signatures"]
        payload, made = _decoded(said["payload"]), _decoded(signature["sig"])
        hint = signature["keyid"]
    except (ColonnadeError, KeyError, TypeError, ValueError):
        raise Untrusted("it is no receipt, or a damaged one") from None
    if kind != PAYLOAD_TYPE:
        raise Untrusted("it is signed, but no receipt")
    if not isinstance(hint, str) or hint not in keys:
        raise Untrusted("it was signed with another key than the one that was given")
    try:
        keys[hint].verify(made, _authenticated(payload), scheme_of(keys[hint]))
        return parse_object(payload, _LIMITS, "receipt")
    except (InvalidSignature, ColonnadeError):
        raise Untrusted("its signature is not of what it says") from None


def keys_of(pem: str) -> dict[str, PublicKey]:
    """A public key by its id. ``InvalidArgument`` for what is none."""
    try:
        public = load_pem_public_key(pem.encode())
        if isinstance(public, PublicKey):
            scheme_of(public)
            return {key_id(pem_of(public)): public}
    except (ValueError, KeyError):
        pass
    raise InvalidArgument(
        "the key must be the PEM of a public elliptic-curve key, as `colonnade subjects key` prints it",
        field="key",
    )


def _authenticated(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError from error
