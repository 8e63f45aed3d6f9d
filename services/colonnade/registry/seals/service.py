"""The use cases of seals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from colonnade.errors import Conflict, NotFound
from colonnade.registry.domain.bounds import in_range
from colonnade.registry.owners import Owners
from colonnade.registry.ports import AuditTrail
from colonnade.registry.seals.ports import Marker, Owned, Seal, Sealer, SealStore
from colonnade.registry.service import MAX_VERSIONS_SHOWN, actor, utc_now
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import digest as check_digest
from colonnade.security.inputs import model_name
from colonnade.security.inputs.catalogue import MAX_VERSION

REGISTRY = Principal.service("registry")


@dataclass(frozen=True, slots=True)
class Listing:
    seals: Sequence[tuple[int, Seal | None]]
    key: str
    public_key: str


class Seals:
    def __init__(
        self,
        store: SealStore,
        sealer: Sealer,
        trail: AuditTrail,
        owners: Owners,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._trail = trail
        self._owners = owners
        self._clock = clock

    @property
    def key(self) -> str:
        """The id of the key that signs now."""
        return self._sealer.key

    async def list_seals(self, model: str) -> Listing:
        found = await self._store.list_seals(model_name(model), limit=MAX_VERSIONS_SHOWN)
        if not found:
            raise NotFound(f"there is no version of a model {model}", field="model")
        return Listing(found, self._sealer.key, self._sealer.public_key)

    async def get(self, model: str, version: int) -> Owned:
        in_range("version", version, 1, MAX_VERSION)
        found = await self._store.find(model_name(model), version)
        if found is None:
            raise NotFound(f"model {model} has no version {version}", field="version")
        return found

    async def shown(self, digest: str, model: str, version: int) -> Owned:
        """What an engine is shown of a version before it loads it; without a name, of the first that has
        this content. Raises ``Conflict`` where the version is of other content."""
        check_digest(digest)
        if model:
            found = await self.get(model, version)
        elif (first := await self._store.find_content(digest)) is not None:
            found = first
        else:
            raise NotFound(f"no version has the digest {digest}", field="digest")
        if found.manifest.digest != digest:
            raise Conflict(
                f"{model}:{version} is not of the content that was asked for; the registry's database may "
                "have been changed by hand",
                field="digest", integrity="manifest",
            )  # fmt: skip
        return found

    async def sign(self, model: str, version: int, principal: Principal) -> Seal:
        """Signs a version with the key of now, whatever its seal was."""
        facts = {"model": model_name(model), "version": version, "key": self._sealer.key}
        async with privileged(
            self._trail, "registry.seal.sign", principal, acknowledge=True, **facts
        ) as learnt:
            await self._owners.check(model, principal)
            before = (await self.get(model, version)).seal
            learnt["key_before"] = before.key if before else ""
            return await self._store.sign(model, version, by=actor(principal), at=self._clock())

    async def adopt(self, marker: Marker) -> int:
        """Signs, once in the life of a registry, what was there before there were seals.

        Only once: else whoever takes a seal away and changes the version in the database would have it signed
        at the next start."""
        if marker.is_set():
            return 0
        signed = await self._adopted() if await self._store.has_unsealed() else 0
        marker.set()
        return signed

    async def _adopted(self) -> int:
        facts = {"key": self._sealer.key}
        async with privileged(
            self._trail, "registry.seal.adopt", REGISTRY, acknowledge=True, **facts
        ) as learnt:
            signed = await self._store.sign_unsealed(by=actor(REGISTRY), at=self._clock())
            learnt["versions"] = signed
        return signed
