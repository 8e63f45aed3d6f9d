"""What the router needs of the world, in its own words."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from colonnade.inference.domain import Chunk, Kept, Loaded, Manifest, Parcel, Place, Ref, Spent, Stats, Work


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

    async def manifest(self, ref: Ref) -> Manifest:
        """With its seal. ``NotFound`` for a version it does not know, ``Conflict`` where that has other
        content."""
        ...

    async def default(self) -> Manifest | None:
        """The version that answers requests which name none; None where there is no model yet."""
        ...

    async def encoder(self, reference: str) -> str:
        """The digest of the version that embeds texts; without a reference, of the default for that.
        ``NotFound`` where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """How a store stands. One that many processes share does not count."""

    name: str
    answers: int = 0
    size_bytes: int = 0
    max_bytes: int = 0
    evictions: int = 0


class AnswerStore(Protocol):
    """Keeps answers for a while, as far as there is room. One that is away has nothing and takes nothing."""

    async def get(self, place: Place) -> Kept | None: ...

    async def put(self, place: Place, kept: Kept) -> None:
        """Instead of what is there. What is too large is left out."""
        ...

    async def purge(self, digest: str, tenant: str) -> int:
        """Forgets the answers of a version, and of a tenant; empty is any. How many there were.
        ``Unavailable`` where the store is away: then they are there as before."""
        ...

    def figures(self) -> StoreFigures: ...

    async def close(self) -> None: ...


class Parcels(Protocol):
    """Looks into the parcels of chunks, for the caches."""

    def size(self, parcel: Parcel) -> int:
        """In bytes."""
        ...

    def tokens(self, parcel: Parcel) -> int: ...

    def spent(self, parcel: Parcel) -> Spent:
        """Of the last chunk of an answer: what it took, its prompt included."""
        ...

    def whole(self, parcel: Parcel) -> bool:
        """Of the last chunk of an answer: whether it came to its own end."""
        ...

    def pack(self, chunks: Sequence[Chunk]) -> bytes: ...

    def unpack(self, body: bytes) -> list[Chunk]:
        """Raises ``ValueError`` for what is no packed answer."""
        ...

    def embedding(self, digest: str, text: str) -> Work:
        """Asks for the embedding of a text that the version takes whole."""
        ...

    def vector(self, parcel: Parcel) -> Sequence[float]:
        """Of what came of it."""
        ...
