"""Manifests: immutable, so what was read once needs no registry again."""

from collections import OrderedDict

from colonnade.errors import ColonnadeError
from colonnade.inference.domain import Manifest, Ref
from colonnade.inference.ports import Registry
from colonnade.inference.refusals import Refusals


class Manifests:
    """The most recently used ones, kept."""

    def __init__(self, registry: Registry, capacity: int, refusals: Refusals | None = None) -> None:
        self._registry = registry
        self._capacity = capacity
        self._refusals = refusals or Refusals()
        self._kept: OrderedDict[Ref, Manifest] = OrderedDict()

    async def get(self, ref: Ref) -> Manifest:
        """``NotFound`` for an unknown version; ``Unavailable`` if it is not kept and the registry is away;
        ``Conflict`` where the registry has other content for it."""
        if ref not in self._kept:
            try:
                found = await self._registry.manifest(ref)
            except ColonnadeError as error:
                await self._refusals.heard(ref, error)
                raise
            self._keep(ref, found)
        self._kept.move_to_end(ref)
        return self._kept[ref]

    def forget(self, digest: str) -> None:
        """What is known of this content is asked for again: a version may have been signed anew."""
        for ref in [each for each in self._kept if each.digest == digest]:
            del self._kept[ref]

    def _keep(self, ref: Ref, manifest: Manifest) -> None:
        self._kept[ref] = manifest
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
