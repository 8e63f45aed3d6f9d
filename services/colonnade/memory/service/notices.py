"""What requests tell those who work in the background."""

from typing import Protocol

from colonnade.memory.domain.scope import Scope


class Notices(Protocol):
    def added(self) -> None:
        """There is something to embed."""
        ...

    def removed(self, scope: Scope) -> None:
        """Something was erased, and is to be overwritten; what was made of it is to be looked at again."""
        ...
