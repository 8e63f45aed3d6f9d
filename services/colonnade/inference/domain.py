"""Engines, what they have loaded, and which of them takes a request.

What only travels through (a request's settings, a chunk's tokens, an engine's figures) is a ``Parcel``: one
adapter made it, another opens it, and nothing between looks inside.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound, Unavailable

Parcel: TypeAlias = Any

AFFINITY_SLACK_TOKENS = 1024
"""How much busier than the idlest an engine may be and still keep its sessions."""
_DIGEST_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One immutable model version, as the registry describes it."""

    digest: str
    name: str
    version: int
    parcel: Parcel = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version in an engine's memory."""

    digest: str
    parcel: Parcel = None
    adapters: frozenset[str] = frozenset()
    """Digests of the adapters that are there with it."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine says of itself. ``instance`` changes with every start of its process."""

    instance: str
    loaded: Mapping[str, Loaded] = field(default_factory=dict)
    """By digest."""
    free_bytes: int = 0
    outstanding_tokens: int = 0
    draining: bool = False
    parcel: Parcel = None
    draft: str = ""
    """The digest of a version that guesses ahead for the others there, and is to be loaded before them."""


@dataclass(frozen=True, slots=True)
class EngineView:
    """What is known of an engine now. Without ``stats`` it is out of reach."""

    address: str
    stats: Stats | None = None
    outstanding_tokens: int = 0
    loading: frozenset[str] = frozenset()
    """Digests that are on their way into its memory."""

    @property
    def ready(self) -> bool:
        return self.stats is not None and not self.stats.draining

    @property
    def free_bytes(self) -> int:
        return self.stats.free_bytes if self.stats else 0

    @property
    def run(self) -> tuple[str, str]:
        """The engine's process: an engine that has started again is another one."""
        return self.address, self.stats.instance if self.stats else ""

    def has(self, digest: str) -> bool:
        return self.stats is not None and digest in self.stats.loaded


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


def choose(
    engines: Iterable[EngineView], digest: str, session: str = "", tried: Collection[tuple[str, str]] = ()
) -> EngineView | None:
    """The engine for a request: the least busy of those that have the version, else one that is loading it,
    else the one with the most free memory. None where no ready engine is left that was not ``tried``."""
    ready = [engine for engine in engines if engine.ready and engine.run not in tried]
    having = [engine for engine in ready if engine.has(digest)]
    if having:
        return _least_busy(having, session)
    loading = [engine for engine in ready if digest in engine.loading]
    if loading:
        return _least_busy(loading, session)
    return max(ready, key=lambda engine: (engine.free_bytes, -engine.outstanding_tokens), default=None)


def _least_busy(engines: Sequence[EngineView], session: str) -> EngineView:
    idlest = min(engines, key=lambda engine: engine.outstanding_tokens)
    if not session:
        return idlest
    home = max(engines, key=lambda engine: hashlib.sha256(f"{session}\0{engine.address}".encode()).digest())
    near = home.outstanding_tokens <= idlest.outstanding_tokens + AFFINITY_SLACK_TOKENS
    return home if near else idlest


def engine_is_gone(error: ColonnadeError) -> bool:
    """Whether another engine may do what this one could not."""
    return isinstance(error, Unavailable)


def version_is_gone(error: ColonnadeError) -> bool:
    """Whether the engine has dropped the version since it was last asked."""
    return isinstance(error, NotFound) and error.details.get("field") == "model.digest"


def adapter_is_gone(error: ColonnadeError) -> bool:
    """Whether the engine has dropped the adapter since it was last asked."""
    return isinstance(error, NotFound) and error.details.get("field") == "model.adapter"


def broken_off(error: ColonnadeError) -> ColonnadeError:
    """What is said where an engine goes in the middle of an answer: what came cannot be continued."""
    if not engine_is_gone(error):
        return error
    return Unavailable("the engine stopped before the answer was complete; ask again", **error.details)
