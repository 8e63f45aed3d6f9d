"""What clients of the registry do in the drill. A new act is a class of its own, and a line in ``ACTS``.

An act is one client's: no two writes of it meet. ``write`` is one write, and is run until it returns: it must
be such that it may be run again after a kill, with the same ``number``. What it was told it remembers;
``check`` says afterwards whether the registry still knows it, and nothing that nobody wrote.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from colonnade.api.registry.v1 import (
    catalogue_pb2,
    drafts_pb2,
    evaluations_pb2,
    events_pb2,
    lineage_pb2,
    rollouts_pb2,
    upkeep_pb2,
)
from colonnade.api.registry.v1 import registry_pb2 as models
from colonnade.api.registry.v1.catalogue_pb2_grpc import CatalogueServiceStub
from colonnade.api.registry.v1.drafts_pb2_grpc import DraftServiceStub
from colonnade.api.registry.v1.evaluations_pb2_grpc import EvaluationServiceStub
from colonnade.api.registry.v1.events_pb2_grpc import EventServiceStub
from colonnade.api.registry.v1.lineage_pb2_grpc import LineageServiceStub
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.api.registry.v1.rollouts_pb2_grpc import RolloutServiceStub
from colonnade.api.registry.v1.upkeep_pb2_grpc import UpkeepServiceStub
from colonnade.errors import Conflict, NotFound
from colonnade.registry.adapters.places import open_place
from colonnade.registry.backups.keeping import complete, listed
from colonnade.registry.backups.restoring import verified
from colonnade.rpc import Peer


class Act:
    name: ClassVar[str]

    def __init__(self, peer: Peer, home: Path) -> None:
        self.peer, self.home = peer, home
        self.registry = RegistryServiceStub(peer.channel)

    async def begin(self) -> None:
        """What has to be there first."""
        await self.bring_in(0)

    async def write(self, number: int) -> None:
        raise AssertionError("every act writes something")

    async def check(self, written: int) -> None:
        """``written`` writes were acknowledged: 1 to that number."""
        raise AssertionError("every act can be checked")

    async def bring_in(self, number: int, name: str = "") -> models.Version:
        """A version of the act's own model."""
        source = self.home / "sources" / f"{name or self.name}-{number}.gguf"
        source.parent.mkdir(exist_ok=True)
        source.write_text(f"{self.name} {number}")
        request = models.ImportModelRequest(
            source=str(source), name=name or self.name, idempotency_key=source.stem
        )
        version = None
        async for step in self.peer.stream(self.registry.ImportModel, request, models.ImportModelResponse):
            version = step.version if step.HasField("version") else version
        assert version is not None
        return version

    async def versions(self) -> dict[int, str]:
        request = models.GetModelRequest(name=self.name)
        found = await self.peer.unary(self.registry.GetModel, request, models.GetModelResponse)
        return {each.manifest.version: each.manifest.digest for each in found.versions}


class Importing(Act):
    name = "importing"

    async def begin(self) -> None:
        self.known: dict[int, str] = {}
        await self._keep(0)

    async def write(self, number: int) -> None:
        await self._keep(number)

    async def check(self, written: int) -> None:
        assert await self.versions() == self.known
        assert len(set(self.known.values())) == written + 1
        for number in range(written + 1):  # keys answer alike
            await self._keep(number)
        assert len(self.known) == written + 1

    async def _keep(self, number: int) -> None:
        manifest = (await self.bring_in(number)).manifest
        assert self.known.setdefault(manifest.version, manifest.digest) == manifest.digest


class Moving(Act):
    name = "moving"

    async def write(self, number: int) -> None:
        targets = [models.AliasTarget(version=1, weight=100)]
        request = models.SetAliasRequest(
            name=self.name, alias="canary", targets=targets, expected_revision=number - 1
        )
        try:
            await self.peer.unary(self.registry.SetAlias, request, models.SetAliasResponse)
        except Conflict:  # it was done, and the answer lost
            assert await self._revision() == number

    async def check(self, written: int) -> None:
        assert await self._revision() == written

    async def _revision(self) -> int:
        request = models.GetModelRequest(name=self.name)
        found = await self.peer.unary(self.registry.GetModel, request, models.GetModelResponse)
        return next((each.revision for each in found.model.aliases if each.name == "canary"), 0)


class Describing(Act):
    """Tags and metrics of a version, each change under the revision that was seen."""

    name = "describing"

    async def begin(self) -> None:
        await super().begin()
        self.catalogue = CatalogueServiceStub(self.peer.channel)
        self.first = (await self._record()).revision

    async def write(self, number: int) -> None:
        if (await self._record()).revision == self.first + number:
            return  # the answer was lost
        metric = catalogue_pb2.Metric(key="loss", value=1 / number, step=number)
        request = catalogue_pb2.DescribeVersionRequest(
            name=self.name, version=1, set_tags={"number": str(number)}, add_metrics=[metric],
            expected_revision=self.first + number - 1,
        )  # fmt: skip
        await self.peer.unary(self.catalogue.DescribeVersion, request, catalogue_pb2.DescribeVersionResponse)

    async def check(self, written: int) -> None:
        record = await self._record()
        assert record.revision == self.first + written
        assert dict(record.tags) == ({"number": str(written)} if written else {})
        assert [(each.step, each.value) for each in record.metrics] == [
            (number, 1 / number) for number in range(1, written + 1)
        ]

    async def _record(self) -> catalogue_pb2.VersionRecord:
        request = catalogue_pb2.GetVersionRequest(name=self.name, version=1)
        answer = await self.peer.unary(self.catalogue.GetVersion, request, catalogue_pb2.GetVersionResponse)
        return answer.record


class Evaluating(Act):
    name = "evaluating"

    async def begin(self) -> None:
        await super().begin()
        self.stub, self.ids = EvaluationServiceStub(self.peer.channel), dict[int, str]()

    async def write(self, number: int) -> None:
        evaluation = evaluations_pb2.Evaluation(
            model=self.name, version=1, suite="drill", results={"number": number}, outcome="passed"
        )
        request = evaluations_pb2.RecordEvaluationRequest(
            evaluation=evaluation, idempotency_key=f"evaluating-{number}"
        )
        answer = await self.peer.unary(
            self.stub.RecordEvaluation, request, evaluations_pb2.RecordEvaluationResponse
        )
        found = answer.evaluation.id
        assert self.ids.setdefault(number, found) == found

    async def check(self, written: int) -> None:
        seen, token = dict[int, str](), ""
        while True:
            request = evaluations_pb2.ListEvaluationsRequest(
                name=self.name, version=1, page_size=100, page_token=token
            )
            page = await self.peer.unary(
                self.stub.ListEvaluations, request, evaluations_pb2.ListEvaluationsResponse
            )
            for each in page.evaluations:
                assert int(each.results["number"]) not in seen
                seen[int(each.results["number"])] = each.id
            token = page.next_page_token
            if not token:
                break
        assert seen == self.ids
        assert len(seen) == written


class Tracing(Act):
    """Edges are only ever added."""

    name = "tracing"

    async def begin(self) -> None:
        self.digest = (await self.bring_in(0)).manifest.digest
        self.stub = LineageServiceStub(self.peer.channel)

    async def write(self, number: int) -> None:
        edge = lineage_pb2.Edge(
            relation="trained_on",
            to=lineage_pb2.Node(kind="dataset", id=_data_set(number), label=f"part {number}"),
        )
        edge_from = lineage_pb2.Node(kind="version", id=self.digest)
        getattr(edge, "from").CopyFrom(edge_from)
        request = lineage_pb2.RecordLineageRequest(edges=[edge], idempotency_key=f"tracing-{number}")
        await self.peer.unary(self.stub.RecordLineage, request, lineage_pb2.RecordLineageResponse)

    async def check(self, written: int) -> None:
        node = lineage_pb2.Node(kind="version", id=self.digest)
        request = lineage_pb2.TraceLineageRequest(node=node, direction="upstream", depth=1)
        found = await self.peer.unary(self.stub.TraceLineage, request, lineage_pb2.TraceLineageResponse)
        there = {each.id for each in found.nodes if each.kind == "dataset"}
        wanted = {_data_set(number) for number in range(1, written + 1)}
        assert there == wanted or (found.truncated and there < wanted)


class Uploading(Act):
    """Begun, announced, sent in chunks, sealed: gone on with after a kill where it was left."""

    name = "uploading"

    async def begin(self) -> None:
        await super().begin()
        self.stub, self.known = DraftServiceStub(self.peer.channel), dict[int, int]()

    async def write(self, number: int) -> None:
        draft = await self._begun(number)
        if draft.state == "open":
            for path, content in self._files(number).items():
                await self._sent(draft.number, path, content)
            sealing = drafts_pb2.SealVersionRequest(model=self.name, number=draft.number)
            async for _ in self.peer.stream(self.stub.SealVersion, sealing, drafts_pb2.SealVersionResponse):
                pass
            draft = await self._begun(number)
        while draft.state in ("waiting", "importing"):  # it goes on by itself
            draft = await self._begun(number)
        assert draft.state == "ready", (draft.state, draft.message)
        assert self.known.setdefault(number, draft.version) == draft.version

    async def check(self, written: int) -> None:
        there = await self.versions()
        assert set(self.known.values()) | {1} == there.keys()
        assert len(set(self.known.values())) == written

    async def _begun(self, number: int) -> drafts_pb2.Draft:
        request = drafts_pb2.BeginVersionRequest(model=self.name, idempotency_key=f"uploading-{number}")
        answer = await self.peer.unary(self.stub.BeginVersion, request, drafts_pb2.BeginVersionResponse)
        return answer.draft

    async def _sent(self, draft: int, path: str, content: bytes) -> None:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        request = drafts_pb2.OpenFileRequest(
            model=self.name, number=draft, path=path, size_bytes=len(content), digest=digest
        )
        answer = await self.peer.unary(self.stub.OpenFile, request, drafts_pb2.OpenFileResponse)
        received = answer.file.received
        if received == len(content):
            return

        async def chunks() -> AsyncIterator[drafts_pb2.WriteFileRequest]:
            yield drafts_pb2.WriteFileRequest(model=self.name, number=draft, path=path, offset=received)
            for start in range(received, len(content), 40):
                yield drafts_pb2.WriteFileRequest(chunk=content[start : start + 40])

        await self.peer.unary(self.stub.WriteFile, chunks(), drafts_pb2.WriteFileResponse)

    def _files(self, number: int) -> dict[str, bytes]:
        return {
            "config.json": json.dumps({"number": number}).encode(),
            "notes.txt": f"notes {number}\n".encode() * 20,
        }


class Deleting(Act):
    """A version comes and goes; its number is never given again."""

    name = "deleting"

    async def begin(self) -> None:
        await super().begin()
        self.stub, self.given = CatalogueServiceStub(self.peer.channel), dict[int, int]()

    async def write(self, number: int) -> None:
        if number not in self.given:
            given = (await self.bring_in(number)).manifest.version
            assert given not in self.given.values()
            self.given[number] = given
        request = catalogue_pb2.DeleteVersionRequest(name=self.name, version=self.given[number], why="drill")
        with suppress(NotFound):  # the answer was lost
            await self.peer.unary(self.stub.DeleteVersion, request, catalogue_pb2.DeleteVersionResponse)

    async def check(self, written: int) -> None:
        assert (await self.versions()).keys() == {1}
        assert sorted(self.given.values()) == list(range(2, written + 2))


class Renaming(Act):
    name = "renaming"

    async def begin(self) -> None:
        await super().begin()
        self.stub = CatalogueServiceStub(self.peer.channel)

    async def write(self, number: int) -> None:
        request = catalogue_pb2.RenameModelRequest(name=self._called(number - 1), to=self._called(number))
        try:
            await self.peer.unary(self.stub.RenameModel, request, catalogue_pb2.RenameModelResponse)
        except NotFound:  # the answer was lost
            assert await self._there(self._called(number))

    async def check(self, written: int) -> None:
        assert await self._there(self._called(written))
        if written:
            assert not await self._there(self._called(written - 1))

    async def _there(self, name: str) -> bool:
        try:
            request = models.GetModelRequest(name=name)
            await self.peer.unary(self.registry.GetModel, request, models.GetModelResponse)
        except NotFound:
            return False
        return True

    def _called(self, number: int) -> str:
        return f"renaming-{number}" if number else self.name


class Hooking(Act):
    """Webhooks come and go."""

    name = "hooking"

    async def begin(self) -> None:
        self.stub, self.ids = EventServiceStub(self.peer.channel), dict[int, str]()

    async def write(self, number: int) -> None:
        if number not in self.ids:
            request = events_pb2.CreateWebhookRequest(
                url="http://127.0.0.1:9/hook", models=[self.name], idempotency_key=f"hooking-{number}"
            )
            answer = await self.peer.unary(self.stub.CreateWebhook, request, events_pb2.CreateWebhookResponse)
            self.ids[number] = answer.webhook.id
        if number % 2:
            gone = events_pb2.DeleteWebhookRequest(id=self.ids[number])
            with suppress(NotFound):  # the answer was lost
                await self.peer.unary(self.stub.DeleteWebhook, gone, events_pb2.DeleteWebhookResponse)

    async def check(self, written: int) -> None:
        found = await self.peer.unary(
            self.stub.ListWebhooks, events_pb2.ListWebhooksRequest(), events_pb2.ListWebhooksResponse
        )
        assert {each.id for each in found.webhooks} == {
            each for number, each in self.ids.items() if not number % 2
        }
        assert len(set(self.ids.values())) == written


class RollingOut(Act):
    """Begun, and taken back."""

    name = "rolling-out"

    async def begin(self) -> None:
        await super().begin()
        await self.bring_in(1)
        self.stub, self.ids = RolloutServiceStub(self.peer.channel), dict[int, str]()

    async def write(self, number: int) -> None:
        request = rollouts_pb2.StartRolloutRequest(
            model=self.name, alias="production", version=2, idempotency_key=f"rolling-{number}",
            plan=rollouts_pb2.Plan(steps=[rollouts_pb2.RolloutStep(percent=10, seconds=3600)]),
        )  # fmt: skip
        answer = await self.peer.unary(self.stub.StartRollout, request, rollouts_pb2.StartRolloutResponse)
        found = answer.rollout.id
        assert self.ids.setdefault(number, found) == found
        try:
            change = rollouts_pb2.ChangeRolloutRequest(id=found, act="roll_back")
            await self.peer.unary(self.stub.ChangeRollout, change, rollouts_pb2.ChangeRolloutResponse)
        except Conflict:
            assert await self._state(found) not in ("gates", "shadow", "canary")  # the answer was lost

    async def check(self, written: int) -> None:
        assert len(set(self.ids.values())) == written
        for each in self.ids.values():
            assert await self._state(each) in ("rolled_back", "cancelled")

    async def _state(self, rollout: str) -> str:
        request = rollouts_pb2.GetRolloutRequest(id=rollout)
        answer = await self.peer.unary(self.stub.GetRollout, request, rollouts_pb2.GetRolloutResponse)
        return answer.rollout.state


class Collecting(Act):
    """Without any grace; what is named is looked at in the end."""

    name = "collecting"

    async def begin(self) -> None:
        self.stub, self.removed = UpkeepServiceStub(self.peer.channel), 0

    async def write(self, number: int) -> None:
        request, answer = upkeep_pb2.CollectGarbageRequest(), upkeep_pb2.CollectGarbageResponse
        try:
            steps = [step async for step in self.peer.stream(self.stub.CollectGarbage, request, answer)]
        except Conflict:
            return  # a backup is under way
        assert steps[-1].done
        self.removed += steps[-1].removed

    async def check(self, written: int) -> None:
        assert self.removed > 0 or not written


class BackingUp(Act):
    name = "backing-up"

    async def begin(self) -> None:
        self.stub, self.made = UpkeepServiceStub(self.peer.channel), dict[str, str]()

    async def write(self, number: int) -> None:
        request, answer = upkeep_pb2.BackupRequest(to="drill", keep=3), upkeep_pb2.BackupResponse
        try:
            steps = [step async for step in self.peer.stream(self.stub.Backup, request, answer)]
        except Conflict:
            return  # a collection is under way
        assert steps[-1].stage == "done"
        self.made[steps[-1].name] = steps[-1].digest

    async def check(self, written: int) -> None:
        there = open_place(str(self.home / "backups" / "drill"), self.home / "backup-cache")
        names = await complete(there.place)
        assert set(sorted(self.made)[-1:]) <= set(names)
        for name in names:
            listing = await listed(there.place, name)
            assert self.made.get(name, listing.digest) == listing.digest
            async for _ in verified(there, listing):
                pass


def _data_set(number: int) -> str:
    return f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"


ACTS: tuple[type[Act], ...] = (
    Importing, Moving, Describing, Evaluating, Tracing, Uploading, Deleting, Renaming, Hooking,
    RollingOut, Collecting, BackingUp,
)  # fmt: skip
