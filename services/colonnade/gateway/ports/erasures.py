"""Who carries erasures out: the memory service."""

from typing import Protocol

from colonnade.gateway.domain.erasures import Erasure, ErasurePage, NewErasure
from colonnade.gateway.domain.exchange import Caller


class ErasureBook(Protocol):
    """Raises what the memory service refuses with; ``Unavailable`` where it is away."""

    async def begin(self, caller: Caller, new: NewErasure) -> Erasure: ...

    async def get(self, caller: Caller, erasure_id: str) -> Erasure: ...

    async def page(self, caller: Caller, limit: int, page: str) -> ErasurePage:
        """Newest first."""
        ...

    async def receipt_key(self, caller: Caller) -> str:
        """The PEM of the public key that receipts are verified with."""
        ...
