"""Manifests by digest: immutable, so what was read once needs no registry again."""

from collections import OrderedDict

from colonnade.inference.domain import Manifest
from colonnade.inference.ports import Registry


class Manifests:
    """The most recently used ones, kept."""

    def __init__(self, registry: Registry, capacity: int) -> None:
        self._registry = registry
        self._capacity = capacity
        self._kept: OrderedDict[str, Manifest] = OrderedDict()

    async def get(self, digest: str) -> Manifest:
        """``NotFound`` for an unknown digest; ``Unavailable`` if it is not kept and the registry is away."""
        if digest not in self._kept:
            self.keep(await self._registry.manifest(digest))
        self._kept.move_to_end(digest)
        return self._kept[digest]

    def keep(self, manifest: Manifest) -> None:
        self._kept[manifest.digest] = manifest
        self._kept.move_to_end(manifest.digest)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
