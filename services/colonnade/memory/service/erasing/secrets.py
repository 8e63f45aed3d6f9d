"""What erasures know people by: a mark that says nothing without its key, and a name that is sealed."""

import hashlib
import hmac
import json
from dataclasses import dataclass

from colonnade.security.envelope import Keyring


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """``key`` makes marks: 32 bytes. With another key nobody who was erased would be known again."""

    key: bytes
    names: Keyring

    def mark(self, tenant: str, subject: str) -> str:
        """HMAC-SHA-256 of both, in hexadecimal. As JSON, so that no two pairs read alike."""
        return hmac.new(self.key, json.dumps([tenant, subject]).encode(), hashlib.sha256).hexdigest()

    def seal(self, subject: str, erasure_id: str) -> str:
        return self.names.seal(subject.encode(), "erasure", erasure_id)

    def open(self, sealed: str, erasure_id: str) -> str:
        """``Conflict`` where the key is gone, or it is not this erasure's."""
        return self.names.open(sealed, "erasure", erasure_id).decode()
