"""Whose a memory is: part of every key, so that nobody's is ever found for another."""

from dataclasses import dataclass

from colonnade.security.inputs import subject_name, tenant_name


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """A tenant's subject; ``subject`` is empty for what the tenant shares."""

    tenant: str
    subject: str = ""

    def __post_init__(self) -> None:
        tenant_name(self.tenant)
        if self.subject:
            subject_name(self.subject, "subject")

    @property
    def shared(self) -> "Scope":
        return Scope(self.tenant)

    @property
    def seen(self) -> tuple["Scope", ...]:
        """Where whoever asks from here may find something: their own, and what their tenant shares."""
        return (self, self.shared) if self.subject else (self,)
