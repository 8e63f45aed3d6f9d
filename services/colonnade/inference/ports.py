"""What the router needs of the world, in its own words."""

from collections.abc import AsyncGenerator
from typing import Protocol

from colonnade.inference.domain import Chunk, Loaded, Manifest, Parcel, Stats, Work


class Engine(Protocol):
    """One engine. Raises what the engine raised; ``Unavailable`` where it is away."""

    @property
    def address(self) -> str: ...

    async def stats(self) -> Stats: ...

    async def load(self, manifest: Manifest) -> Loaded:
        """Returns when the version is in memory. Asked by this service itself, whoever needs it."""
        ...

    async def load_adapter(self, model: str, manifest: Manifest) -> None:
        """Returns when the adapter is in memory with the version ``model``, which is there."""
        ...

    def submit(self, work: Work) -> AsyncGenerator[Chunk]:
        """One chunk an engine step; closing the iterator frees the request's slot."""
        ...

    async def abort(self, request_id: str) -> bool:
        """Ends a request of the tenant who asks; its stream still says how it ended. False where the engine
        does not know it, or not yet."""
        ...

    async def score(self, work: Work) -> Parcel: ...

    async def embed(self, work: Work) -> Parcel: ...

    async def tokenize(self, work: Work) -> Parcel: ...

    async def detokenize(self, work: Work) -> Parcel: ...

    async def close(self) -> None:
        """Lets go of the connection."""
        ...


class Registry(Protocol):
    """The registry. ``Unavailable`` where it is away."""

    async def manifest(self, digest: str) -> Manifest:
        """``NotFound`` for a digest it does not know."""
        ...

    async def default(self) -> Manifest | None:
        """The version that answers requests which name none; None where there is no model yet."""
        ...
