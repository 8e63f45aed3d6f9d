"""The registry's use cases, except imports (``imports.py``)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound
from colonnade.registry import metrics
from colonnade.registry.domain import (
    Alias,
    Manifest,
    Model,
    Reference,
    Resolution,
    Target,
    Version,
    check_targets,
    unknown_model,
)
from colonnade.registry.guarded import Guarded
from colonnade.registry.owners import Owners
from colonnade.registry.ports import AuditTrail, VersionStore
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import alias_name, model_name, size_label
from colonnade.security.inputs import digest as check_digest
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

PAGE_SIZE = 50
MAX_VERSIONS_SHOWN = 1000


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Page:
    models: Sequence[Model]
    next_token: str


class Registry:
    """``default_model`` is what an empty reference means; empty for the model promoted last."""

    def __init__(
        self,
        store: VersionStore,
        trail: AuditTrail,
        *,
        default_model: str = "",
        guarded: Guarded | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._trail = trail
        self._guarded = guarded or Guarded(store)
        self._owners = Owners(store)
        self._default = Reference.parse(default_model) if default_model else None
        self._clock = clock

    async def list_models(self, *, page_size: int = 0, page_token: str = "") -> Page:
        """Models by name. ``page_size`` 0 takes the default."""
        if not 0 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidArgument(
                f"page_size must be 0 to {MAX_PAGE_SIZE}", field="page_size", limit=MAX_PAGE_SIZE
            )
        size = page_size or PAGE_SIZE
        after = _name_of(page_token) if page_token else ""
        models = await self._store.list_models(after=after, limit=size + 1)
        more = len(models) > size
        return Page(models[:size], _token_of(models[size - 1].name) if more else "")

    async def get_model(self, name: str) -> tuple[Model, Sequence[Version]]:
        """A model and its newest versions, newest first."""
        model = await self._store.find_model(model_name(name))
        if model is None:
            raise await self._unknown(name)
        return model, await self._store.list_versions(name, limit=MAX_VERSIONS_SHOWN)

    async def resolve(self, reference: str = "", size: str = "", *, embeds: bool = False) -> Resolution:
        """The weighted versions behind a reference, a size label, or nothing.

        Where no model is named, ``embeds`` goes to one that is made for embeddings, if there is any."""
        try:
            resolution = await self._resolve(reference, size, embeds)
        except ColonnadeError as error:
            metrics.RESOLUTIONS.labels(error.code.value).inc()
            raise
        metrics.RESOLUTIONS.labels("ok").inc()
        return resolution

    async def get_manifest(self, digest: str) -> Manifest:
        manifest = await self._store.find_manifest(check_digest(digest))
        if manifest is None:
            raise NotFound(f"no version has the digest {digest}", field="digest")
        return manifest

    async def set_alias(
        self,
        name: str,
        alias: str,
        targets: Sequence[Target],
        principal: Principal,
        *,
        expected_revision: int | None = None,
    ) -> Alias:
        """Moves an alias; see ``domain.moved``."""
        model_name(name)
        alias_name(alias)
        weights = ",".join(f"{target.version}={target.weight}" for target in check_targets(targets))
        with _counted("set"):
            facts = {"model": name, "alias": alias, "targets": weights}
            async with privileged(
                self._trail, "registry.alias.set", principal, acknowledge=True, **facts
            ) as learnt:
                await self._owners.check(name, principal)
                await self._guarded.check(name, alias)
                if alias in self._guarded and expected_revision is None:
                    expected_revision = 0  # nobody has made it since
                moved = await self._store.move_alias(
                    name, alias, targets,
                    expected_revision=expected_revision, by=actor(principal), at=self._clock(),
                )  # fmt: skip
                learnt["revision"] = moved.revision
                return moved

    async def delete_alias(self, name: str, alias: str, principal: Principal) -> None:
        model_name(name)
        alias_name(alias)
        with _counted("delete"):
            async with privileged(
                self._trail, "registry.alias.delete", principal, acknowledge=True, model=name, alias=alias
            ):
                await self._owners.check(name, principal)
                await self._guarded.check(name, alias)
                await self._store.delete_alias(name, alias, by=actor(principal), at=self._clock())

    async def _resolve(self, reference: str, size: str, embeds: bool) -> Resolution:
        if reference and size:
            raise InvalidArgument("give a model or a model_size, not both", field="model_size")
        encoder = await self._encoder(size) if embeds and not reference else None
        if reference:
            wanted = Reference.parse(reference)
        elif encoder:
            wanted = encoder
        elif size:
            wanted = await self._promoted(size_label(size))
        else:
            wanted = self._default or await self._promoted("")
        targets = await self._store.find_targets(wanted)
        if not targets:
            raise await self._not_found(wanted)
        return Resolution(wanted.name, wanted.alias, tuple(targets))

    async def _encoder(self, size: str) -> Reference | None:
        name = await self._store.find_promoted(size_label(size) if size else "", encoders=True)
        return None if name is None else Reference.parse(name)

    async def _promoted(self, size: str) -> Reference:
        name = await self._store.find_promoted(size)
        if name is not None:
            return Reference.parse(name)
        if size:
            raise NotFound(f"no model of size {size} is in production", field="model_size")
        raise NotFound(
            "no model is in production yet; import one (`colonnade models import`) or set the alias "
            "`production` of one that is there",
            field="model",
        )

    async def _not_found(self, wanted: Reference) -> NotFound:
        if await self._store.find_model(wanted.name) is None:
            return await self._unknown(wanted.name)
        what = f"version {wanted.version}" if wanted.version else f"alias {wanted.alias}"
        return NotFound(f"model {wanted.name} has no {what}", field="model")

    async def _unknown(self, name: str) -> NotFound:
        return unknown_model(name, await self._store.find_new_name(name))


class _counted:  # noqa: N801 - reads as a function
    """Counts how a change of an alias ended."""

    def __init__(self, action: str) -> None:
        self._action = action

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        outcome = error.code.value if isinstance(error, ColonnadeError) else "failed" if error else "ok"
        metrics.ALIAS_MOVES.labels(self._action, outcome).inc()


def actor(principal: Principal) -> str:
    """How a principal is named in records."""
    return f"{principal.tenant}/{principal.subject}"


def _token_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _name_of(token: str) -> str:
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        return model_name(base64.urlsafe_b64decode(padded).decode())
    except (UnicodeError, binascii.Error, ColonnadeError):
        raise InvalidArgument("page_token must be one that the list returned", field="page_token") from None
