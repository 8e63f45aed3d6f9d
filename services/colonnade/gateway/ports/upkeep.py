"""The registry's upkeep."""

from collections.abc import AsyncGenerator
from typing import Protocol

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.upkeep import BackedUp, Collected


class RegistryUpkeep(Protocol):
    """Progress, the last of which says that it is done; closing the iterator gives it up."""

    def collect(self, caller: Caller, *, dry_run: bool) -> AsyncGenerator[Collected, None]: ...

    def back_up(self, caller: Caller, to: str, keep: int) -> AsyncGenerator[BackedUp, None]: ...
