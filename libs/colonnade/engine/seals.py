"""Whether a version may be loaded at all: its seal must be whole, its own, and of somebody who is trusted."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection

from colonnade.engine.artefacts import Manifest
from colonnade.engine.integrity import distrusted
from colonnade.engine.runtime import ModelRef
from colonnade.security.seals import Sealed, Trusted, Untrusted, check
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_REMEMBERED = 4096


class Seals:
    """Checked each time that a version is shown, loaded or not: the same files may be good under one name and
    wrong under another. Without trusted keys nothing is."""

    def __init__(self, trusted: Trusted | None = None) -> None:
        self._trusted = trusted
        self._good: OrderedDict[ModelRef, None] = OrderedDict()
        """The last ones seen last."""

    @property
    def checked(self) -> bool:
        return self._trusted is not None

    def good(self, digests: Collection[str]) -> list[ModelRef]:
        """The versions, of those with these digests, whose seals were found to be good."""
        return [ref for ref in self._good if ref.digest in digests]

    async def check(self, manifest: Manifest) -> None:
        """Raises ``Conflict`` where the seal is not this version's, by one of the trusted keys."""
        if self._trusted is None:
            return
        try:
            await asyncio.to_thread(_verify, manifest, self._trusted)
        except Untrusted as error:
            self._good.pop(manifest.ref, None)
            ref = manifest.ref
            _LOG.warning("version refused", model=ref.name, version=ref.version, reason=str(error))
            raise distrusted(
                "seal",
                f"{ref.name}:{ref.version} is not loaded: {error}. Find out what was changed; what is "
                f"right can be signed again (`colonnade models sign {ref.name}:{ref.version}`)",
                field="manifest.seal",
            ) from None
        self._good[manifest.ref] = None
        self._good.move_to_end(manifest.ref)
        while len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)


def _verify(manifest: Manifest, trusted: Trusted) -> None:
    check(manifest.seal, sealed_of(manifest), trusted.keys())


def sealed_of(manifest: Manifest) -> Sealed:
    """What the seal of a version has to be over."""
    ref = manifest.ref
    return Sealed(
        ref.name,
        ref.version,
        manifest.tenant,
        ref.digest,
        manifest.family,
        manifest.parameters,
        manifest.size_label,
        manifest.context_length,
        manifest.base,
        {each.path: each.digest for each in manifest.artefacts},
    )
