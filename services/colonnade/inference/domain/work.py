"""What is put to an engine, and what comes back."""

from dataclasses import dataclass

from colonnade.errors import InvalidArgument
from colonnade.inference.domain.caching import Cached, Spent
from colonnade.inference.domain.engines import Parcel, Ref

_DIGEST_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class Work:
    """Something to run on an engine: a generation, a text to score, texts to embed."""

    digest: str
    parcel: Parcel = None
    tokens: int = 1
    """About how many tokens it will cost."""
    session: str = ""
    adapter: str = ""
    """The digest of the adapter that it wants with the version; empty for none."""
    tenant: str = ""
    """Whose it is."""
    request_id: str = ""
    """The tenant's own name for it; empty: it cannot be aborted from elsewhere."""
    prefix: tuple[bytes, ...] = ()
    """Keys of its prompt's beginnings, the shortest first (``prefix_keys``)."""
    named: tuple[str, int] = ("", 0)
    """The name and number that the version was drawn by."""
    adapter_named: tuple[str, int] = ("", 0)

    @property
    def ref(self) -> Ref:
        return Ref(self.digest, *self.named)

    @property
    def adapter_ref(self) -> Ref:
        return Ref(self.adapter, *self.adapter_named)

    def __post_init__(self) -> None:
        for field_name, digest in (("model.digest", self.digest), ("model.adapter", self.adapter)):
            if not digest.startswith(_DIGEST_PREFIX) and (digest or field_name == "model.digest"):
                raise InvalidArgument(
                    f'{field_name} must name a version ("sha256:..."); resolve the reference first',
                    field=field_name,
                )


@dataclass(frozen=True, slots=True)
class Chunk:
    """The outcome of one engine step; with ``last``, how one of the request's answers ended, inside."""

    parcel: Parcel
    last: bool = False
    text: str = ""
    index: int = 0
    """Which of the request's answers."""
    fallback: int = 0
    """In the first chunk: which of the request's fallbacks answers, from 1; 0 is the version asked for."""
    full: bool = False
    """With a fallback: the version asked for failed nothing, its engines were full."""
    cached: Cached | None = None
    """In the first chunk, what the caches had to do with the answer; in the last one, who pays for it."""
    left: Spent | None = None
    """Without a parcel: what had come of an answer that ends here, for this request alone."""


ABORTED = Chunk(None, last=True)
"""The only chunk of a generation that was aborted before any engine had it: nothing came of it."""
