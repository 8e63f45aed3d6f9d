"""Who asks: a ``Principal`` accompanies every call on the platform, loopback included."""

from dataclasses import dataclass
from enum import StrEnum

HOME_TENANT = "local"
"""The installation's own tenant: its people act for every tenant where others act for their own alone."""


class Role(StrEnum):
    """What a principal may do is decided by its roles and the access tables alone."""

    ADMIN = "admin"
    """Keys and everything below, except what only services do."""
    OPERATOR = "operator"
    """Runs the platform: engines, loads, health."""
    MODEL_ENGINEER = "model_engineer"
    """Imports models and moves aliases."""
    CALLER = "caller"
    """Generates and lists models."""
    AUDITOR = "auditor"
    """Reads, never changes."""
    SERVICE = "service"
    """A service acting for itself, in the background."""


@dataclass(frozen=True, slots=True)
class Principal:
    """``tenant`` owns data, ``subject`` is the person or program inside it that a record is about."""

    tenant: str
    subject: str
    roles: frozenset[Role]
    key_id: str = ""

    @property
    def full_name(self) -> str:
        """As records name it: a subject is one of its tenant."""
        return f"{self.tenant}/{self.subject}"

    def has_any(self, allowed: frozenset[Role]) -> bool:
        return not self.roles.isdisjoint(allowed)

    @classmethod
    def service(cls, name: str) -> "Principal":
        """The identity of a service that acts for itself."""
        return cls("platform", name, frozenset({Role.SERVICE}))
