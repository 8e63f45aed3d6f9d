"""The registry's ports in memory. ``MemoryVersionStore`` passes the contract suite of the SQL store."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from colonnade.errors import Conflict, NotFound
from colonnade.registry.domain import (
    DEFAULT_ALIAS,
    ENCODERS,
    Alias,
    Artefact,
    Content,
    Draft,
    Manifest,
    Model,
    Reference,
    Target,
    Version,
    alias_for_import,
    check_kind,
    check_owner,
    guarded_alias,
    moved,
    unknown_model,
)
from colonnade.registry.ports import Base, Converted, Progress
from colonnade.security.identity import Principal, Role
from colonnade.security.inputs.once import Once

ENGINEER = Principal("acme", "eve", frozenset({Role.MODEL_ENGINEER}))
START = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def ticking() -> Callable[[], datetime]:
    """A clock that moves a second each time it is read."""
    now = START

    def tick() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    return tick


def content(
    seed: int, *, size: str = "135M", files: int = 2, base: str = "", family: str = "transformer"
) -> Content:
    """Content that differs from that of every other seed."""
    artefacts = [
        Artefact(f"part-{number}.safetensors", f"sha256:{seed * 100 + number:064x}", seed)
        for number in range(files)
    ]
    return Content.of(
        family="lora" if base else family, parameters=1000 + seed, size=size, context_length=2048,
        artefacts=artefacts, base=base,
    )  # fmt: skip


def draft(
    name: str,
    seed: int,
    *,
    size: str = "135M",
    description: str = "",
    at: datetime = START,
    base: str = "",
    family: str = "transformer",
) -> Draft:
    made = content(seed, size=size, base=base, family=family)
    return Draft(name, made, f"/models/{seed}", "sha256:source", description, at, "acme/eve")


class MemoryVersionStore:
    """Implements ``ports.VersionStore``."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[str, datetime, str]] = {}
        self._versions: list[Version] = []
        self._aliases: dict[tuple[str, str], tuple[Alias, int]] = {}
        self._imports: dict[tuple[str, str], tuple[Once, Version]] = {}
        self._moves = 0

    async def list_models(self, *, after: str, limit: int) -> Sequence[Model]:
        return [self._model(name) for name in sorted(self._models) if name > after][:limit]

    async def find_model(self, name: str) -> Model | None:
        return self._model(name) if name in self._models else None

    async def find_new_name(self, name: str) -> str:
        return ""

    async def list_versions(self, name: str, *, limit: int) -> Sequence[Version]:
        return self._of(name)[::-1][:limit]

    async def find_targets(self, reference: Reference) -> Sequence[tuple[Manifest, int]]:
        kept = self._aliases.get((reference.name, reference.alias))
        weights = {reference.version: 100}
        if not reference.version:
            weights = {target.version: target.weight for target in kept[0].targets} if kept else {}
        found = [version.manifest for version in self._of(reference.name)]
        return [(item, weights[item.version]) for item in found if item.version in weights]

    async def find_manifest(self, digest: str) -> Manifest | None:
        found = [version for version in self._versions if version.manifest.digest == digest]
        return min(found, key=lambda version: version.created_at).manifest if found else None

    async def find_promoted(self, size_label: str = "", *, encoders: bool = False) -> str | None:
        found = []
        for (model, name), (alias, order) in self._aliases.items():
            targets = {target.version for target in alias.targets}
            here = [v.manifest.content for v in self._of(model) if v.manifest.version in targets]
            fits = all(not c.base and (not size_label or c.size_label == size_label) for c in here)
            fits = fits and all((c.family in ENCODERS) is encoders for c in here)
            if name == DEFAULT_ALIAS and targets and fits:
                found.append((order, model))
        return max(found)[1] if found else None

    async def register(
        self,
        draft: Draft,
        *,
        alias: str,
        once: Once | None = None,
        claim: str = "",
        reserved: int = 0,
        of_known_model: bool = False,
        guarded: bool = False,
    ) -> Version:
        known = await self.recall(once) if once else None
        if known is not None:
            return known
        description, created_at, tenant = self._models.get(draft.name, ("", draft.created_at, draft.tenant))
        check_owner(draft.name, tenant, draft.tenant)
        self._check_unchanged(draft, known=of_known_model)
        self._models[draft.name] = (draft.description or description, created_at, tenant)
        mine = self._of(draft.name)
        same = [version for version in mine if version.manifest.digest == draft.content.digest]
        version = same[0] if same else draft.numbered(reserved or len(mine) + 1)
        self._promote(draft, version.manifest.version, alias, guarded)
        if not same:
            self._versions.append(version)
        if once:
            self._imports[once.owner, once.key] = (once, version)
        return version

    async def move_alias(
        self,
        name: str,
        alias: str,
        targets: Sequence[Target],
        *,
        expected_revision: int | None,
        by: str,
        at: datetime,
    ) -> Alias:
        if name not in self._models:
            raise unknown_model(name)
        known = [version.manifest.version for version in self._of(name)]
        current = self._kept(name, alias)
        after = moved(current, alias, targets, known, expected_revision=expected_revision, by=by, at=at)
        self._keep(name, after)
        return after

    async def delete_alias(self, name: str, alias: str, *, by: str, at: datetime) -> None:
        current = self._kept(name, alias)
        if current is None or not current.exists:
            raise NotFound(f"model {name} has no alias {alias}", field="alias")
        self._keep(name, current.deleted(by=by, at=at))

    async def recall(self, once: Once) -> Version | None:
        kept = self._imports.get((once.owner, once.key))
        if kept is None:
            return None
        once.check(kept[0].fingerprint)
        return kept[1]

    def _of(self, name: str) -> list[Version]:
        return [version for version in self._versions if version.manifest.name == name]

    def _kept(self, name: str, alias: str) -> Alias | None:
        kept = self._aliases.get((name, alias))
        return kept[0] if kept else None

    def _keep(self, name: str, alias: Alias) -> None:
        self._moves += 1
        self._aliases[name, alias.name] = (alias, self._moves)

    def _check_unchanged(self, draft: Draft, *, known: bool) -> None:
        if known and draft.name not in self._models:
            raise Conflict(f"the model {draft.name} was renamed or deleted", field="name")
        if draft.name in self._models:
            check_kind(draft.name, self._model(draft.name), draft.content.base)
        base = draft.content.base
        if base and all(version.manifest.digest != base for version in self._versions):
            raise Conflict("the adapter's base was deleted", field="base")

    def _promote(self, draft: Draft, version: int, asked: str, guarded: bool) -> None:
        current = self._kept(draft.name, DEFAULT_ALIAS)
        name = alias_for_import(asked, {DEFAULT_ALIAS} if current and current.exists else set())
        current = self._kept(draft.name, name)
        if not name or (current and current.targets == (Target(version, 100),)):
            return
        by, at = draft.created_by, draft.created_at
        targets = [Target(version, 100)]
        if guarded and current and current.exists:
            raise guarded_alias(draft.name, name)
        after = moved(current, name, targets, {version}, expected_revision=None, by=by, at=at)
        self._keep(draft.name, after)

    def _model(self, name: str) -> Model:
        description, created_at, tenant = self._models[name]
        latest = self._of(name)[-1].manifest
        kept = [alias for (model, _), (alias, _) in self._aliases.items() if model == name and alias.exists]
        return Model(
            name,
            description,
            tuple(sorted(kept, key=lambda alias: alias.name)),
            latest.version,
            created_at,
            latest.content.size_label,
            latest.content.family,
            latest.content.base,
            tenant,
        )


@dataclass
class MemoryTrail:
    """An audit trail that can be made to fail."""

    records: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list)
    failure: Exception | None = None

    async def record(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> None:
        if self.failure:
            raise self.failure
        self.records.append((action, principal.subject if principal else "", outcome, facts))

    def note(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> None:
        if not self.failure:
            self.records.append((action, principal.subject if principal else "", outcome, facts))

    @property
    def outcomes(self) -> list[str]:
        return [outcome for _, _, outcome, _ in self.records]


class FolderSources:
    """Every source is a path."""

    async def check(self, source: str) -> None:
        pass

    async def bring(self, source: str, folder: Path) -> AsyncGenerator[Progress | Path]:
        yield await self.locate(source)

    async def locate(self, source: str) -> Path:
        path = Path(source)
        if not path.exists():
            raise NotFound("source does not exist", field="source")
        return path


@dataclass
class ScriptedImporter:
    """Writes the given files; ``before`` runs first, so that a test can hold or fail a conversion."""

    folder: Path
    files: dict[str, bytes] = field(
        default_factory=lambda: {"colonnade.json": b"{}", "model.safetensors": b"w"}
    )
    before: Callable[[], Any] | None = None
    open: int = 0
    most_open: int = 0
    bases: list[Base | None] = field(default_factory=list)

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Path]:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        path = self.folder / f"workspace-{self.open}-{len(list(self.folder.iterdir()))}"
        path.mkdir()
        try:
            yield path
        finally:
            self.open -= 1

    async def convert(
        self, source: Path, out: Path, base: Base | None = None
    ) -> AsyncGenerator[Progress | Converted]:
        self.bases.append(base)
        yield Progress("read", 1.0)
        if self.before:
            await self.before()
        paths = {name: out / name.replace("/", "_") for name in self.files}
        for name, path in paths.items():
            path.write_bytes(self.files[name])
        yield Progress("convert", 1.0)
        family, digest = ("lora", base.digest) if base else ("transformer", "")
        yield Converted(paths, family, 135_000_000, "135M", 2048, "sha256:source", digest)


def renamed(version: Version, name: str) -> Version:
    return replace(version, manifest=replace(version.manifest, name=name))
