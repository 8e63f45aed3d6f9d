"""Engines, and what they have loaded.

What only travels through (a request's settings, a chunk's tokens, an engine's figures) is a ``Parcel``: one
adapter made it, another opens it, and nothing between looks inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Parcel: TypeAlias = Any
Run: TypeAlias = tuple[str, str]
"""An engine's process: its address, and what changes with every start."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A version as it was asked for: by its content, and the name and number that were drawn. Without a name,
    whichever has that content."""

    digest: str
    name: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """One immutable model version, as the registry describes it."""

    digest: str
    name: str
    version: int
    parcel: Parcel = None
    size_bytes: int = 0
    """Of all its files."""

    @property
    def ref(self) -> Ref:
        return Ref(self.digest, self.name, self.version)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version in an engine's memory."""

    digest: str
    parcel: Parcel = None
    adapters: frozenset[str] = frozenset()
    """Digests of the adapters that are there with it."""
    sealed: frozenset[Ref] | None = None
    """Of it and of them, those whose seals the engine has found to be good; None: it checks none."""

    def trusts(self, ref: Ref) -> bool:
        """Whether the engine needs not be shown this one before it is asked of it."""
        if self.sealed is None or ref in self.sealed:
            return True
        return not ref.name and any(each.digest == ref.digest for each in self.sealed)


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
    def run(self) -> Run:
        """The engine's process: an engine that has started again is another one."""
        return self.address, self.stats.instance if self.stats else ""

    def has(self, digest: str) -> bool:
        return self.stats is not None and digest in self.stats.loaded
