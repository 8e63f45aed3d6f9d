"""What is asked under a key happens once."""

from dataclasses import dataclass

from colonnade.errors import Conflict


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key of its owner, with what was asked under it."""

    owner: str
    key: str
    fingerprint: str

    def check(self, fingerprint: str) -> None:
        """``Conflict`` where the key was used for something else."""
        if fingerprint != self.fingerprint:
            raise Conflict(
                "the idempotency key was used for something else; use a new key for each request",
                field="idempotency_key",
            )
