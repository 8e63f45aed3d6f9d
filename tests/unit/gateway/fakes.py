"""The gateway's ports as tests hold them: everything is scripted, everything is remembered."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from colonnade.errors import ColonnadeError, NotFound
from colonnade.gateway.adapters.limiter import MemoryLimiter
from colonnade.gateway.domain.caching import CacheState
from colonnade.gateway.domain.engines import Engine, Loaded
from colonnade.gateway.domain.exchange import Caller, Spec
from colonnade.gateway.domain.fair_use import Kind, Quota
from colonnade.gateway.domain.generation import Chunk, Finish, GenerationSpec, Timings, Token, Usage
from colonnade.gateway.domain.limits import Limits
from colonnade.gateway.domain.models import (
    Alias,
    AliasTarget,
    Artefact,
    ImportOrder,
    ImportProgress,
    Model,
    ModelDetail,
    ModelPage,
    Resolution,
    Target,
    Version,
)
from colonnade.gateway.domain.rollouts import (
    Event,
    Gate,
    GateResult,
    Outcome,
    Outcomes,
    Plan,
    Policy,
    Rollout,
    RolloutOrder,
    RolloutPage,
    Seen,
    Step,
)
from colonnade.gateway.domain.texts import (
    DetokenizeSpec,
    Embedded,
    EmbeddingSpec,
    Scored,
    ScoredText,
    ScoreSpec,
    Tokenized,
    TokenizeSpec,
)
from colonnade.gateway.http.app import build
from colonnade.gateway.http.openai.lines import LineAnswers
from colonnade.gateway.http.options import HttpOptions
from colonnade.gateway.ports import Screener
from colonnade.gateway.service.answers import Answers
from colonnade.gateway.service.batches import Asking, Batches, Bounds, Files, Results, Runner, Workplace
from colonnade.gateway.service.caches import Caches
from colonnade.gateway.service.descriptions import Descriptions
from colonnade.gateway.service.doorkeeper import Doorkeeper, utc_now
from colonnade.gateway.service.drafts import Drafts
from colonnade.gateway.service.events import Events
from colonnade.gateway.service.fair_use import Budgets, FairUse, LimitAdmin, LimitBook, UsageReports
from colonnade.gateway.service.feedback import FeedbackDesk
from colonnade.gateway.service.following import Following
from colonnade.gateway.service.fullness import Fullness
from colonnade.gateway.service.gateway import Gateway
from colonnade.gateway.service.guard import GuardBounds
from colonnade.gateway.service.jobs import Jobs
from colonnade.gateway.service.keys import Keys
from colonnade.gateway.service.lineage import Evaluations, Lineage
from colonnade.gateway.service.mlflow import Making, Mlflow, ModelVersions, RegisteredModels
from colonnade.gateway.service.models import Models
from colonnade.gateway.service.pipeline import Pipeline, Stage
from colonnade.gateway.service.preparing import Preparing
from colonnade.gateway.service.reading import Leftovers
from colonnade.gateway.service.recall import RecallBounds
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.rollouts import Rollouts, Sightings
from colonnade.gateway.service.seals import Seals
from colonnade.gateway.service.stages import (
    AuditRecord,
    Authenticate,
    Authorise,
    CallTools,
    CountUsage,
    DrawVersion,
    FitTexts,
    Generate,
    GiveWay,
    Guard,
    KnowAnswers,
    Limit,
    ReadTexts,
    Recall,
    RememberExchange,
    ShapeAndSize,
    Shed,
    SpeakFor,
    TurnAway,
    WatchRollout,
)
from colonnade.gateway.service.upkeep import Upkeep
from colonnade.security.access.gateway import ROUTES
from colonnade.security.identity import Principal
from colonnade.telemetry.metrics import GenAiMetrics
from tests.unit.gateway.fake_adapting import FakeAdaptations
from tests.unit.gateway.fake_bias import FakeBias
from tests.unit.gateway.fake_erasures import FakeErasures
from tests.unit.gateway.fake_events import FakeEvents
from tests.unit.gateway.fake_feedback import FakeFeedback
from tests.unit.gateway.fake_jobs import FakeJobs
from tests.unit.gateway.fake_lineage import FakeEvaluations, FakeLineage
from tests.unit.gateway.fake_memory import FakeMemory
from tests.unit.gateway.fake_policies import FakeDecisions, FakePolicies
from tests.unit.gateway.fake_seals import FakeSeals
from tests.unit.gateway.fake_upkeep import FakeUpkeep
from tests.unit.gateway.memory import MemoryKeyStore, MemoryLimitStore, MemoryUsageLedger
from tests.unit.gateway.memory_batches import MemoryBatchStore, MemoryContents, MemoryFileStore
from tests.unit.gateway.memory_drafts import FakeDrafts
from tests.unit.gateway.memory_registry import MemoryCatalogue, MemoryDrafts

BASE = "http://127.0.0.1:8080"
DIGEST = "sha256:" + "a" * 64


def finish(reason: str = "length", prompt: int = 3, completion: int = 2) -> Finish:
    return Finish(reason, Usage(prompt, completion), Timings(0.1, 0.2, 0.3, 0.3), seed=42)


def target(version: int = 1, weight: int = 100, context_length: int = 2048) -> Target:
    return Target("tiny", version, DIGEST, weight, context_length)


@dataclass
class FakeCatalog:
    resolution: Resolution = field(default_factory=lambda: Resolution("tiny", "production", (target(),)))
    error: ColonnadeError | None = None
    callers: list[Caller] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    poet: Target = field(
        default_factory=lambda: Target("poet", 2, "sha256:" + "e" * 64, 100, 2048, base=DIGEST)
    )
    """An adapter."""
    steps: list[ImportProgress] = field(
        default_factory=lambda: [
            ImportProgress("convert", 0.5, "half"),
            ImportProgress("done", 1.0, "", version()),
        ]
    )

    def _note(self, caller: Caller, *call: Any) -> None:
        self.callers.append(caller)
        self.calls.append(call)
        if self.error is not None:
            raise self.error

    async def resolve(
        self, caller: Caller, reference: str, size_label: str, *, embeds: bool = False
    ) -> Resolution:
        self._note(caller, "resolve", reference, size_label, *["embeds"] * embeds)
        if reference in ("poet", "poet:2"):
            return Resolution("poet", "production", (self.poet,))
        if reference not in ("", "tiny", "tiny@production", "tiny:1"):
            raise NotFound(f"there is no model {reference}", field="model")
        return self.resolution

    async def version(self, caller: Caller, digest: str) -> Target:
        self._note(caller, "version", digest)
        if digest != DIGEST:
            raise NotFound("no version has this digest", field="digest")
        return target()

    async def list_models(self, caller: Caller, page_size: int, page_token: str) -> ModelPage:
        self._note(caller, "list", page_size, page_token)
        return ModelPage((model(),), "" if page_token == "next" else "next")

    async def get(self, caller: Caller, name: str) -> ModelDetail:
        self._note(caller, "get", name)
        return ModelDetail(model(), (version(),))

    async def import_model(self, caller: Caller, order: ImportOrder) -> AsyncGenerator[ImportProgress, None]:
        self._note(caller, "import", order)
        for step in self.steps:
            yield step

    async def set_alias(
        self, caller: Caller, name: str, alias: str, targets: Sequence[AliasTarget], revision: int | None
    ) -> Alias:
        self._note(caller, "set_alias", name, alias, tuple(targets), revision)
        return Alias(alias, tuple(targets), 2)

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None:
        self._note(caller, "delete_alias", name, alias)


def model() -> Model:
    return Model("tiny", "a tiny one", "1M", 1, (Alias("production", (AliasTarget(1, 100),), 1),))


def version() -> Version:
    return Version(
        "tiny", 1, DIGEST, "transformer", 1000, "1M", 2048, 4000, "/secret/place/tiny.gguf", "", "local",
        artefacts=(Artefact("model.safetensors", f"sha256:{'0' * 64}", 16),),
    )  # fmt: skip


@dataclass
class FakeGenerator:
    """Gives ``chunks``; waits at ``gate`` before each one after the first, if there is a gate.

    Aborted, it ends as an engine does, with the count of what it has given."""

    chunks: list[Chunk] = field(
        default_factory=lambda: [
            Chunk("Pa", (Token(1, "Pa", -0.5),)),
            Chunk("ris", (Token(2, "ris", -0.1),), finish()),
        ]
    )
    error: ColonnadeError | None = None
    error_after: int = 0
    gate: asyncio.Event | None = None
    specs: list[GenerationSpec] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    running: int = 0
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    aborts: dict[str, asyncio.Event] = field(default_factory=dict)
    """By the ids of calls that run."""

    async def stream(
        self, caller: Caller, spec: GenerationSpec, target: Target
    ) -> AsyncGenerator[Chunk, None]:
        self.specs.append(spec)
        self.callers.append(caller)
        self.targets.append(target)
        self.running += 1
        aborted = self.aborts[caller.call_id] = asyncio.Event()
        given = 0
        try:
            for index, chunk in enumerate(self.chunks):
                if self.error is not None and index == self.error_after:
                    raise self.error
                self.entered.set()
                if index and self.gate is not None:
                    await _either(self.gate, aborted)
                if aborted.is_set():
                    yield Chunk("", finish=finish("cancelled", completion=given))
                    return
                given += len(chunk.tokens)
                yield chunk
        finally:
            del self.aborts[caller.call_id]
            self.running -= 1
            self.closed.set()

    async def abort(self, caller: Caller) -> bool:
        found = self.aborts.get(caller.call_id)
        if found is not None:
            found.set()
        return found is not None


async def _either(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


@dataclass
class FakeReader:
    """Every text gets the vector (0.6, 0.8), and a token a letter."""

    error: ColonnadeError | None = None
    asked: list[tuple[Caller, Spec, Target]] = field(default_factory=list)

    async def embed(self, caller: Caller, spec: EmbeddingSpec, target: Target) -> Embedded:
        self._note(caller, spec, target)
        return Embedded(tuple((0.6, 0.8) for _ in spec.texts), sum(map(len, spec.texts)))

    async def score(self, caller: Caller, spec: ScoreSpec, target: Target) -> Scored:
        self._note(caller, spec, target)
        texts = [tuple(Token(ord(letter), letter, -0.5) for letter in text) for text in spec.texts]
        tokens = sum(len(spec.context) + len(text) for text in spec.texts)
        return Scored(tuple(ScoredText(text, -0.5 * len(text)) for text in texts), tokens)

    async def tokenize(self, caller: Caller, spec: TokenizeSpec, target: Target) -> Tokenized:
        self._note(caller, spec, target)
        text = spec.prompt or "".join(message.content for message in spec.messages or ())
        return Tokenized(tuple(map(ord, text)), tuple(text) if spec.with_texts else (), 2048)

    async def detokenize(self, caller: Caller, spec: DetokenizeSpec, target: Target) -> str:
        self._note(caller, spec, target)
        return "".join(map(chr, spec.ids))

    def _note(self, caller: Caller, spec: Spec, target: Target) -> None:
        self.asked.append((caller, spec, target))
        if self.error is not None:
            raise self.error


@dataclass
class FakeAudit:
    records: list[tuple[str, Principal, str, dict[str, Any]]] = field(default_factory=list)
    error: ColonnadeError | None = None

    async def record(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        if self.error is not None:
            raise self.error
        self.records.append((action, principal, outcome, facts))

    def note(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        self.records.append((action, principal, outcome, facts))

    @property
    def seen(self) -> list[tuple[str, str]]:
        return [(action, outcome) for action, _, outcome, _ in self.records]


@dataclass
class FakeEngines:
    known: tuple[Engine, ...] = ()
    error: ColonnadeError | None = None
    gate: asyncio.Event | None = None
    prepared: list[Target] = field(default_factory=list)
    left: int = 0
    """Of those who asked for a version, how many went before it was loaded."""

    async def prepare(self, caller: Caller, target: Target) -> Loaded:
        if self.error is not None:
            raise self.error
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        self.prepared.append(target)
        return Loaded(4000)

    async def list_engines(self, caller: Caller) -> tuple[Engine, ...]:
        return self.known


@dataclass
class FakeCaches:
    """The answers that are kept, by version and tenant."""

    kept: dict[tuple[str, str], int] = field(default_factory=dict)
    error: ColonnadeError | None = None

    async def purge(self, caller: Caller, digest: str, tenant: str) -> int:
        if self.error is not None:
            raise self.error
        gone = [key for key in self.kept if digest in ("", key[0]) and tenant in ("", key[1])]
        return sum([self.kept.pop(key) for key in gone])

    async def state(self, caller: Caller) -> CacheState:
        if self.error is not None:
            raise self.error
        return CacheState("memory", sum(self.kept.values()), 10, 100, 1, 2, 3, 4, 5, 6, {"tiny": 0.9})


@dataclass
class FakeProbe:
    name: str
    wrong: str = ""

    async def check(self) -> str:
        return self.wrong


@dataclass
class FakeRollouts:
    """The registry's rollouts, of which there is one, and what it is told of outcomes."""

    error: ColonnadeError | None = None
    orders: list[RolloutOrder] = field(default_factory=list)
    changes: list[tuple[str, str, str, int | None]] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    reports: list[tuple[str, tuple[Seen, ...]]] = field(default_factory=list)

    async def start(self, caller: Caller, order: RolloutOrder) -> Rollout:
        self._check()
        self.orders.append(order)
        return rollout()

    async def get(self, caller: Caller, rollout_id: str) -> Rollout:
        self._check()
        return replace(
            rollout(),
            id=rollout_id,
            candidate_outcomes=Outcomes().with_one(Outcome(first_token=0.02, tokens=20, decode_seconds=0.5)),
            events=(Event(MOMENT, "begun", "local/local", "try it"),),
        )

    async def page(
        self, caller: Caller, model: str, under_way: bool, page_size: int, page_token: str
    ) -> RolloutPage:
        self.asked.append((model, under_way, page_size, page_token))
        return RolloutPage((rollout(),), "" if page_token else "next")

    async def change(
        self, caller: Caller, rollout_id: str, act: str, why: str, revision: int | None
    ) -> Rollout:
        self._check()
        self.changes.append((rollout_id, act, why, revision))
        return replace(rollout(), paused=act == "pause", revision=2)

    async def policies(self, caller: Caller) -> Sequence[Policy]:
        return [Policy("quick", "Seconds", rollout().plan)]

    async def report(self, instance: str, seen: Sequence[Seen]) -> None:
        self._check()
        self.reports.append((instance, tuple(seen)))

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


MOMENT = datetime(2030, 1, 2, tzinfo=UTC)


def rollout() -> Rollout:
    plan = Plan((Gate("tasks", "0.9x"),), Step(5, 1), (Step(10, 5.0, 3),), {"error_rate": "0.02"})
    return Rollout(
        "ro_1", "tiny", "production", 2, (AliasTarget(1, 100),), plan, "", "canary", 0, False, "",
        (GateResult("passed", 1.0, 0.9, "as good"),), (AliasTarget(1, 90), AliasTarget(2, 10)),
        MOMENT, MOMENT, "local/local", MOMENT, 1,
    )  # fmt: skip


class House:
    """A whole gateway on fakes."""

    def __init__(
        self,
        bootstrap: str = "",
        screener: Screener | None = None,
        guarding: GuardBounds | None = None,
        **options: Any,
    ) -> None:
        self.screener, self.guarding = screener, guarding or GuardBounds(seconds=0.5)
        self.catalog = FakeCatalog()
        self.generator = FakeGenerator()
        self.reader = FakeReader()
        self.engines = FakeEngines()
        self.caches = FakeCaches()
        self.rollouts = FakeRollouts()
        self.catalogue = MemoryCatalogue()
        self.catalogue.put("tiny", 1, production={1: 100})
        self.lineage, self.evaluations = FakeLineage(), FakeEvaluations()
        self.drafts = FakeDrafts(version())
        self.seals = FakeSeals()
        self.events = FakeEvents()
        self.jobs = FakeJobs()
        self.erasures = FakeErasures()
        self.bias = FakeBias()
        self.adaptations = FakeAdaptations()
        self.memory, self.recall = FakeMemory(), RecallBounds(seconds=0.2)
        self.policies, self.decisions = FakePolicies(), FakeDecisions()
        self.feedback, self.answers = FakeFeedback(), Answers()
        self.sightings = Sightings(self.rollouts)
        self.audit = FakeAudit()
        self.store = MemoryKeyStore()
        self.probes = [FakeProbe("registry"), FakeProbe("inference"), FakeProbe("model")]
        self.metrics = CollectorRegistry()
        self.doorkeeper = Doorkeeper(self.store, ROUTES, bootstrap)
        self.keys = Keys(self.store, self.audit, self.doorkeeper, bool(bootstrap))
        self.options = HttpOptions(**{"max_file_bytes": 8192} | options)
        self.limit_store, self.ledger, self.limiter = MemoryLimitStore(), MemoryUsageLedger(), MemoryLimiter()
        self.quotas = {kind: Quota() for kind in Kind}
        book, budgets = LimitBook(self.limit_store, self.quotas), Budgets(self.ledger)
        self.fair_use = FairUse(book, self.limiter, self.ledger, budgets)
        self.leftovers = Leftovers()
        way = self.pipeline()
        self.contents, self.file_store = MemoryContents(), MemoryFileStore()
        self.batch_store = MemoryBatchStore(self.file_store)
        self.bounds = Bounds(lines=50, line_bytes=4096, file_bytes=8192, tenant_bytes=65536)
        self.files = Files(self.file_store, self.contents, self.audit, self.bounds)
        self.runner = self.batch_runner(LineAnswers(way))
        self.upkeep = FakeUpkeep()
        self.batches = Batches(
            self.batch_store, self.files, self.doorkeeper, self.audit, self.bounds, self.runner.wake
        )
        self.mlflow = self.mlflow_words()
        self.gateway = Gateway(
            pipeline=way,
            doorkeeper=self.doorkeeper,
            keys=self.keys,
            models=Models(self.catalog, self.audit),
            caches=Caches(self.caches, self.catalog, self.audit),
            engines=self.engines,
            preparing=Preparing(self.engines, self.catalog, self.audit, beat_seconds=0.01),
            rollouts=Rollouts(self.rollouts, self.audit),
            seals=Seals(self.seals, self.audit),
            mlflow=self.mlflow,
            lineage=Lineage(self.lineage, self.audit),
            evaluations=Evaluations(self.evaluations, self.audit),
            descriptions=Descriptions(self.catalogue, self.evaluations, self.audit),
            drafts=Drafts(self.drafts, self.catalogue, self.audit),
            memory=self.memory,
            erasures=self.erasures,
            policies=self.policies,
            decisions=self.decisions,
            feedback=FeedbackDesk(self.feedback, self.answers),
            bias=self.bias,
            adaptations=self.adaptations,
            jobs=Jobs(self.jobs, self.audit, Following(beat_seconds=0.02)),
            events=Events(self.events, self.audit),
            upkeep=Upkeep(self.upkeep, self.audit),
            limits=LimitAdmin(self.limit_store, self.store, self.fair_use, self.audit),
            usage=UsageReports(self.ledger),
            files=self.files,
            batches=self.batches,
            probes=self.probes,
        )
        self.app: ASGIApp = build(self.gateway, self.options)

    def mlflow_words(self) -> Mlflow:
        models = Models(self.catalog, self.audit)
        drafts = Drafts(MemoryDrafts(self.catalogue), self.catalogue, self.audit)
        descriptions = Descriptions(self.catalogue, self.evaluations, self.audit)
        making = Making(drafts, descriptions, Lineage(self.lineage, self.audit))
        return Mlflow(
            RegisteredModels(models, descriptions), ModelVersions(models, descriptions, drafts, making)
        )

    def pipeline(self) -> Pipeline:
        record, count, speak = AuditRecord(self.audit), CountUsage(GenAiMetrics(self.metrics)), SpeakFor()
        draw = DrawVersion(Resolver(self.catalog), Random(7))
        flood, limit = TurnAway(self.fair_use), Limit(self.fair_use)
        fit, read, full = FitTexts(Limits()), ReadTexts(self.reader), Fullness()
        shed, shape, generate = (
            Shed(full),
            ShapeAndSize(Limits()),
            Generate(self.generator, self.leftovers, full),
        )
        watch = WatchRollout(self.sightings)
        reading = [record, count, fit, speak, flood, draw, limit, watch, read]
        answering: list[Stage] = [limit, watch, generate]
        guard: list[Stage] = []
        if self.screener is not None:
            guard = [Guard(self.screener, self.reader, Pipeline((), answering), self.guarding)]
        return Pipeline(
            admission=[Authenticate(self.doorkeeper), Authorise(self.doorkeeper)],
            generation=[
                record,
                count,
                KnowAnswers(self.answers),
                shape,
                CallTools(),
                speak,
                GiveWay(),
                flood,
                draw,
                shed,
                RememberExchange(self.memory, self.recall.seconds),
                Recall(self.memory, self.recall),
                *guard,
                *answering,
            ],
            embedding=reading,
            scoring=reading,
            encoding=reading,
        )

    def batch_runner(self, answers: LineAnswers) -> Runner:
        """It runs once somebody runs it."""
        asking = Asking(answers, self.doorkeeper, self.bounds)
        results = Results(self.batch_store, self.contents, utc_now)
        return Runner(Workplace(self.batch_store, self.contents, asking, results, self.bounds, utc_now))

    async def settled(self) -> None:
        """All that requests took is counted."""
        await self.leftovers.close()
        await self.fair_use.close()

    def client(self, key: str = "", **headers: str) -> httpx.AsyncClient:
        if key:
            headers["authorization"] = f"Bearer {key}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)


def events(text: str) -> list[tuple[str, str]]:
    """Server-sent events as (event, data), read as the standard says."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
        if fields:
            found.append((fields.get("event", "message"), fields["data"]))
    return found
