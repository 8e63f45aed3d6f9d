"""Makes seals."""

import base64
import json

from colonnade.errors import InvalidArgument
from colonnade.security.seals.keys import SigningKey
from colonnade.security.seals.sealed import (
    BUNDLE_TYPE,
    METHOD,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    SIGNATURE,
    STATEMENT,
    STATEMENT_TYPE,
    Sealed,
    authenticated,
    root_of,
)


def signed(sealed: Sealed, key: SigningKey) -> str:
    """The seal of a version. Raises ``InvalidArgument`` for one with a file in the place of a seal's own."""
    if taken := {STATEMENT, SIGNATURE} & sealed.files.keys():
        raise InvalidArgument(
            f"{min(taken)} is the name of a seal's own file; leave it out of the model",
            field="artefacts.path",
        )
    payload = _payload(sealed)
    signature = {"sig": _base64(key.sign(authenticated(payload))), "keyid": ""}
    envelope = {"payload": _base64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}
    material = {"publicKey": {"hint": key.id}, "tlogEntries": []}
    bundle = {"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(bundle, separators=(",", ":"))


def _payload(sealed: Sealed) -> bytes:
    resources = sealed.resources
    subject = {"name": f"{sealed.name}:{sealed.version}", "digest": {"sha256": root_of(resources.values())}}
    listed = [{"name": path, "algorithm": "sha256", "digest": digest} for path, digest in resources.items()]
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [subject],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"serialization": dict(METHOD), "resources": listed},
    }
    return json.dumps(statement, separators=(",", ":")).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
