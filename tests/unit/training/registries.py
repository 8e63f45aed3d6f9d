"""A registry in memory, what workers left, and models that are brought: what publishing is tested against."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from colonnade.errors import ColonnadeError, Conflict, NotFound, Unavailable
from colonnade.security.identity import Principal
from colonnade.training.domain import ModelVersion
from colonnade.training.publishing.ports import Draft, Edge, Evaluation, File, Known, Metric

RESULT = {
    "ending": "done",
    "recipe_digest": f"sha256:{'a' * 64}",
    "token_set": f"sha256:{'b' * 64}",
    "code": {"version": "0.1.0", "commit": "c" * 40},
    "recipe": {"output": {"card": "Speaks like a play."}},
}
LEFT = {"model.safetensors": b"w" * 100, "config.json": b"{}"}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class MemoryRegistry:
    """Implements ``publishing.ports.Registry``. ``faults`` are raised by the calls of that name, one each."""

    known: dict[str, Known] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    drafts: dict[str, dict[str, bytearray]] = field(default_factory=dict)
    """By their keys."""
    versions: list[ModelVersion] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Which, and who."""
    faults: dict[str, list[ColonnadeError]] = field(default_factory=dict)
    away: bool = False
    state: str = "open"
    hangs_at: int = 0
    """The call that never comes back; negative where it has its effect before. 0: none."""
    hung: asyncio.Event = field(default_factory=asyncio.Event)
    said: dict[str, Any] = field(default_factory=dict)
    course: list[Draft] = field(default_factory=list)
    """How drafts with a source go on, look by look; the last of these stays."""
    discarded: set[int] = field(default_factory=set)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    """By their keys."""

    async def resolve(self, who: Principal, reference: str) -> Known:
        await self._called("resolve", who)
        if reference not in self.known:
            raise NotFound(f"there is no version {reference}", field="reference")
        return self.known[reference]

    async def find(self, who: Principal, digest: str) -> Known:
        await self._called("find", who)
        return next(each for each in self.known.values() if each.version.digest == digest)

    async def read(self, who: Principal, digest: str, offset: int) -> AsyncGenerator[bytes, None]:
        await self._called("read", who)
        yield self.contents[digest][offset:]

    async def begin(
        self, who: Principal, model: str, base: str, alias: str, key: str, source: str = ""
    ) -> Draft:
        await self._called("begin", who)
        self.said |= {"base": base, "newest": alias, "source": source}
        self.drafts.setdefault(key, {})
        await self._hang(-1)
        number = list(self.drafts).index(key) + 1
        if number in self.discarded:
            return Draft(model, number, "discarded")
        if source:
            return replace(self.course[0], model=model, number=number)
        return Draft(model, number, self.state if number == 1 else "open")

    async def look(self, who: Principal, draft: Draft) -> Draft:
        await self._called("look", who)
        await self._hang(-1)
        if draft.number in self.discarded:
            return replace(draft, state="discarded")
        if len(self.course) > 1:
            self.course.pop(0)
        return replace(self.course[0], model=draft.model, number=draft.number)

    async def discard(self, who: Principal, draft: Draft) -> None:
        await self._called("discard", who)
        if self.course and self.course[0].state == "ready":
            raise Conflict("the draft is ready")
        self.discarded.add(draft.number)
        await self._hang(-1)

    async def evaluated(self, who: Principal, evaluation: Evaluation, key: str) -> None:
        await self._called("evaluated", who)
        if self.evaluations.setdefault(key, evaluation) != evaluation:
            raise Conflict("the idempotency key was used for something else")
        await self._hang(-1)

    async def announce(self, who: Principal, draft: Draft, file: File) -> int:
        await self._called("announce", who)
        received = len(self._of(draft).setdefault(file.path, bytearray()))
        await self._hang(-1)
        return received

    async def write(
        self, who: Principal, draft: Draft, path: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> None:
        await self._called("write", who)
        assert len(self._of(draft)[path]) == offset
        async for chunk in chunks:
            self._of(draft)[path] += chunk
        await self._hang(-1)

    async def seal(self, who: Principal, draft: Draft) -> ModelVersion:
        await self._called("seal", who)
        content = b"".join(bytes(each) for _, each in sorted(self._of(draft).items()))
        version = ModelVersion(draft.model, draft.number, digest_of(content))
        if version not in self.versions:
            self.versions.append(version)
        self.state = "ready"
        await self._hang(-1)
        return version

    async def describe(
        self,
        who: Principal,
        version: ModelVersion,
        description: str,
        tags: Mapping[str, str],
        metrics: Sequence[Metric],
    ) -> None:
        await self._called("describe", who)
        self.said |= {"description": description, "tags": tags, "metrics": metrics}
        await self._hang(-1)

    async def record(self, who: Principal, edges: Sequence[Edge]) -> None:
        await self._called("record", who)
        self.said["edges"] = edges
        await self._hang(-1)

    async def move(self, who: Principal, version: ModelVersion, alias: str) -> None:
        await self._called("move", who)
        self.said["alias"] = alias
        await self._hang(-1)

    async def roll_out(
        self, who: Principal, version: ModelVersion, alias: str, policy: str, why: str, key: str
    ) -> None:
        await self._called("roll_out", who)
        self.said["rollout"] = (alias, policy, key)
        await self._hang(-1)

    def has(self, reference: str, files: Mapping[str, bytes], *, adapter: bool = False) -> ModelVersion:
        listed = [File(path, len(content), digest_of(content)) for path, content in files.items()]
        self.contents |= {digest_of(content): content for content in files.values()}
        name, _, number = reference.partition(":")
        version = ModelVersion(name, int(number), digest_of(repr(files).encode()))
        self.known[reference] = Known(version, listed, adapter)
        return version

    def _of(self, draft: Draft) -> dict[str, bytearray]:
        return self.drafts[list(self.drafts)[draft.number - 1]]

    async def _called(self, name: str, who: Principal) -> None:
        if self.away:
            raise Unavailable("the registry service is not reachable")
        self.calls.append((name, f"{who.tenant}/{who.subject}"))
        if self.faults.get(name):
            raise self.faults[name].pop(0)
        await self._hang(1)

    async def _hang(self, sign: int) -> None:
        if self.hangs_at and len(self.calls) * sign == self.hangs_at:
            self.hung.set()
            await asyncio.Event().wait()


@dataclass
class MemoryOutputs:
    """Implements ``publishing.ports.Outputs``: every run left the same."""

    left: dict[str, bytes] = field(default_factory=lambda: dict(LEFT))
    said: Mapping[str, Any] = field(default_factory=lambda: RESULT)
    adapters: list[bool] = field(default_factory=list)

    async def result(self, job_id: str) -> Mapping[str, Any]:
        return self.said

    async def files(self, job_id: str, *, adapter: bool) -> Sequence[File]:
        self.adapters.append(adapter)
        return [File(path, len(content), digest_of(content)) for path, content in self.left.items()]

    async def read(
        self, job_id: str, path: str, offset: int, *, adapter: bool
    ) -> AsyncGenerator[bytes, None]:
        yield self.left[path][offset:]


@dataclass
class MemoryModels:
    """Implements ``publishing.ports.Models``."""

    files: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    whole: dict[tuple[str, str], str] = field(default_factory=dict)

    def folder(self, job_id: str, field: str) -> Path:
        return Path("/brought") / job_id / field

    async def there(self, job_id: str, field: str, version: ModelVersion) -> bool:
        return self.whole.get((job_id, field)) == version.digest

    async def linked(self, job_id: str, field: str, file: File) -> bool:
        return file.path in self.files.get((job_id, field), {})

    async def received(self, job_id: str, field: str, file: File) -> int:
        return 0

    async def append(
        self, job_id: str, field: str, file: File, offset: int, chunks: AsyncIterable[bytes]
    ) -> None:
        content = b"".join([chunk async for chunk in chunks])
        self.files.setdefault((job_id, field), {})[file.path] = content

    async def complete(self, job_id: str, field: str, version: ModelVersion) -> None:
        self.whole[job_id, field] = version.digest

    async def kept(self) -> Sequence[str]:
        return sorted({job_id for job_id, _ in self.files})

    async def take_away(self, job_id: str) -> None:
        self.files = {key: found for key, found in self.files.items() if key[0] != job_id}
        self.whole = {key: found for key, found in self.whole.items() if key[0] != job_id}
