"""What is kept of the graph."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from colonnade.registry.lineage.graph import Edge, NodeKey, Place, Traced
from colonnade.security.inputs.once import Once


class LineageStore(Protocol):
    """Every method is one transaction; what it has returned from stays, whatever happens next."""

    async def record(self, edges: Sequence[Edge], *, by: str, at: datetime, once: Once | None) -> int:
        """How many edges were not there yet; all or nothing.

        ``Conflict`` where one would close a cycle, or the key was used for something else; ``NotFound`` for
        a version that was never registered."""
        ...

    async def trace(
        self, roots: Sequence[NodeKey], *, upstream: bool, downstream: bool, depth: int
    ) -> Traced:
        """What can be reached from ``roots`` within ``depth`` edges (0: any number), nearest first.

        ``NotFound`` where one of the roots is not in the graph."""
        ...

    async def places(self, digest: str) -> Sequence[Place]:
        """Where a version's content is registered now."""
        ...
