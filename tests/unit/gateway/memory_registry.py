"""A registry in memory: what is said of models and versions, and versions in the making."""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from colonnade.errors import ColonnadeError, Conflict, NotFound
from colonnade.gateway.domain.catalogue import (
    FoundModels,
    FoundVersions,
    ModelChange,
    ModelRecord,
    Search,
    VersionChange,
    VersionRecord,
)
from colonnade.gateway.domain.drafts import Draft, DraftFile, DraftOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import (
    Alias,
    AliasTarget,
    Artefact,
    ImportProgress,
    Model,
    Version,
)

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
CONTENT = b"weights, weights"
FILE = Artefact("model.safetensors", DIGEST, len(CONTENT))


@dataclass
class MemoryCatalogue:
    """Drafts with a source are made at once, unless ``slow`` or ``broken`` says otherwise."""

    models: dict[str, ModelRecord] = field(default_factory=dict)
    versions: dict[tuple[str, int], VersionRecord] = field(default_factory=dict)
    drafts: dict[tuple[str, int], Draft] = field(default_factory=dict)
    slow: bool = False
    broken: str = ""
    equal_to: int = 0
    lost: bool = False
    """It has none of the files that are announced."""
    seals: list[tuple[str, int]] = field(default_factory=list)
    sealing: ColonnadeError | None = None
    searches: list[Search] = field(default_factory=list)
    pages: int = 1

    def put(self, name: str, *numbers: int, **aliases: dict[int, int]) -> None:
        """A model with these versions; aliases as version and weight."""
        made = tuple(
            Alias(alias, tuple(AliasTarget(*target) for target in targets.items()), 1)
            for alias, targets in aliases.items()
        )
        newest = max(numbers, default=0)
        self.models[name] = ModelRecord(Model(name, "", "1M", newest, made, MOMENT), {}, MOMENT)
        for number in numbers:
            version = Version(
                name,
                number,
                DIGEST,
                "transformer",
                1,
                "1M",
                8,
                4000,
                "/x/tiny",
                "",
                "me",
                MOMENT,
                "",
                (FILE,),
            )
            self.versions[name, number] = VersionRecord(version, "local", updated_at=MOMENT)

    async def create_model(
        self, caller: Caller, name: str, change: ModelChange, idempotency_key: str
    ) -> ModelRecord:
        if name in self.models:
            raise Conflict(f"there is a model {name}", field="name")
        self.put(name)
        return await self.describe_model(caller, name, change)

    async def get_model(self, caller: Caller, name: str) -> ModelRecord:
        if name not in self.models:
            raise NotFound(f"there is no model {name}", field="model")
        return self.models[name]

    async def describe_model(self, caller: Caller, name: str, change: ModelChange) -> ModelRecord:
        record = await self.get_model(caller, name)
        text = record.model.description if change.description is None else change.description
        tags = {key: value for key, value in record.tags.items() if key not in change.remove_tags}
        made = replace(
            record, model=replace(record.model, description=text), tags=tags | dict(change.set_tags)
        )
        self.models[name] = made
        return made

    async def get_version(self, caller: Caller, name: str, version: int) -> VersionRecord:
        if (name, version) not in self.versions:
            raise NotFound(f"model {name} has no version {version}", field="version")
        aliases = tuple(
            alias.name
            for alias in self.models[name].model.aliases
            if any(target.version == version for target in alias.targets)
        )
        return replace(self.versions[name, version], aliases=aliases)

    async def describe_version(
        self, caller: Caller, name: str, version: int, change: VersionChange
    ) -> VersionRecord:
        record = await self.get_version(caller, name, version)
        text = record.description if change.description is None else change.description
        tags = {key: value for key, value in record.tags.items() if key not in change.remove_tags}
        self.versions[name, version] = replace(record, description=text, tags=tags | dict(change.set_tags))
        return await self.get_version(caller, name, version)

    async def delete_version(self, caller: Caller, name: str, version: int, why: str) -> None:
        await self.get_version(caller, name, version)
        del self.versions[name, version]

    async def delete_model(self, caller: Caller, name: str, why: str) -> None:
        await self.get_model(caller, name)
        del self.models[name]

    async def rename_model(self, caller: Caller, name: str, to: str) -> ModelRecord:
        record = await self.get_model(caller, name)
        if to in self.models:
            raise Conflict(f"there is a model {to}", field="to")
        del self.models[name]
        self.models[to] = replace(record, model=replace(record.model, name=to))
        return self.models[to]

    async def search_models(self, caller: Caller, search: Search) -> FoundModels:
        return FoundModels(tuple(self.models.values()), self._turned(search))

    async def search_versions(self, caller: Caller, search: Search) -> FoundVersions:
        return FoundVersions(tuple(self.versions.values()), self._turned(search))

    def _turned(self, search: Search) -> str:
        """Every page has all there is."""
        self.searches.append(search)
        return str(len(self.searches)) if len(self.searches) < self.pages else ""


@dataclass
class MemoryDrafts:
    """Those of such a catalogue."""

    shelf: MemoryCatalogue

    async def begin(self, caller: Caller, order: DraftOrder) -> Draft:
        numbers = [
            number for model, number in (*self.shelf.versions, *self.shelf.drafts) if model == order.model
        ]
        number = max(numbers, default=0) + 1
        draft = Draft(
            order.model, number, "open", "", 0.0, order.source, "", "", order.description, (), MOMENT, "me",
            MOMENT, 0,
        )  # fmt: skip
        self.shelf.drafts[order.model, number] = draft
        if order.source and not self.shelf.slow:
            self.end(order.model, number)
        return await self.get(caller, order.model, number)

    def end(self, model: str, number: int) -> None:
        """As ``broken`` and ``equal_to`` of the shelf say."""
        version = self.shelf.equal_to or number
        state = "failed" if self.shelf.broken else "ready"
        draft = self.shelf.drafts[model, number]
        self.shelf.drafts[model, number] = replace(
            draft, state=state, message=self.shelf.broken, version=0 if self.shelf.broken else version
        )
        if state == "ready" and version == number:
            aliases = {
                alias.name: {target.version: target.weight for target in alias.targets}
                for alias in self.shelf.models[model].model.aliases
            }
            self.shelf.put(model, number, **aliases)

    async def get(self, caller: Caller, model: str, number: int) -> Draft:
        if (model, number) not in self.shelf.drafts:
            raise NotFound(f"there is no draft {model}:{number}", field="number")
        return self.shelf.drafts[model, number]

    async def list(self, caller: Caller, model: str) -> Sequence[Draft]:
        return [draft for (name, _), draft in self.shelf.drafts.items() if name == model]

    async def open_file(self, caller: Caller, model: str, number: int, file: DraftFile) -> DraftFile:
        return replace(file, received=0 if self.shelf.lost else file.size_bytes)

    async def write_file(
        self, caller: Caller, model: str, number: int, path: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> DraftFile:
        raise AssertionError("nothing is uploaded here")

    async def seal(self, caller: Caller, model: str, number: int) -> AsyncGenerator[ImportProgress, None]:
        self.shelf.seals.append((model, number))
        yield ImportProgress("verify", 0.5)
        if self.shelf.sealing is not None:
            raise self.shelf.sealing
        self.end(model, number)

    async def discard(self, caller: Caller, model: str, number: int) -> None:
        self.shelf.drafts[model, number] = replace(self.shelf.drafts[model, number], state="discarded")

    async def read_file(self, caller: Caller, digest: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        yield CONTENT
