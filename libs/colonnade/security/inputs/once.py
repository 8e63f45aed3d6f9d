"""What is asked under a key happens once."""

import hashlib
from dataclasses import dataclass

from colonnade.errors import Conflict
from colonnade.security.inputs.names import idempotency_key


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key of its owner, with what was asked under it."""

    owner: str
    key: str
    fingerprint: str

    @staticmethod
    def of(owner: str, key: str, *facts: str) -> "Once | None":
        """None without a key. ``InvalidArgument`` for one that is none."""
        if not key:
            return None
        fingerprint = hashlib.sha256("\0".join(facts).encode()).hexdigest()
        return Once(owner, idempotency_key(key, "idempotency_key"), fingerprint)

    def check(self, fingerprint: str) -> None:
        """``Conflict`` where the key was used for something else."""
        if fingerprint != self.fingerprint:
            raise Conflict(
                "the idempotency key was used for something else; use a new key for each request",
                field="idempotency_key",
            )
