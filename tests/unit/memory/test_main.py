"""The process: settings, ``--check``, and the whole service over its socket with its own database."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.erasure.v1 import subjects_pb2
from colonnade.api.erasure.v1.subjects_pb2_grpc import SubjectServiceStub
from colonnade.api.memory.v1 import memory_pb2 as messages
from colonnade.api.memory.v1.memory_pb2_grpc import DocumentServiceStub, MemoryServiceStub
from colonnade.errors import (
    ColonnadeError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TooLarge,
    Unavailable,
    Unsupported,
)
from colonnade.memory.__main__ import main, serve, wired
from colonnade.memory.settings import MemorySettings
from colonnade.rpc import Identity, Peer
from colonnade.security.audit import verify
from colonnade.security.audit.verification import read_opened
from colonnade.security.identity import Principal, Role
from colonnade.security.receipts import keys_of, verified
from tests.unit.memory.house import until
from tests.unit.memory.neighbours import Neighbours, neighbours

TEXT = "# Dogs\n\nA puppy sleeps all day.\n\n# Cats\n\nNobody knows what a cat does at night: äöü 😀."


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "HOME": str(short_folder), "MEMORY_METRICS_PORT": "0", "MEMORY_LOOK_SECONDS": "0.05",
        "MEMORY_ROUND_SECONDS": "0.1", "MEMORY_TIDY_SECONDS": "0.05", "MEMORY_DOCUMENT_BYTES": "100000",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"COLONNADE_{name}", value)
    return short_folder


class Client:
    """The service over its socket, as one principal."""

    def __init__(
        self, home: Path, subject: str = "eve", role: Role = Role.CALLER, tenant: str = "acme"
    ) -> None:
        identity = Identity("gateway", home / "identity")
        identity.principal = Principal(tenant, subject, frozenset({role}))
        self.peer = Peer("memory", f"unix:{home}/run/memory.sock", identity)
        self.memories, self.documents = (
            MemoryServiceStub(self.peer.channel),
            DocumentServiceStub(self.peer.channel),
        )

    async def remember(self, text: str, **more: object) -> messages.Memory:
        request = messages.RememberRequest(text=text, **more)  # type: ignore[arg-type]
        return (await self.peer.unary(self.memories.Remember, request, messages.RememberResponse)).memory

    async def search(self, query: str, **more: object) -> messages.SearchResponse:
        request = messages.SearchRequest(query=query, **more)  # type: ignore[arg-type]
        return await self.peer.unary(self.memories.Search, request, messages.SearchResponse)

    async def recall(self, query: str, session: str) -> messages.RecallResponse:
        request = messages.RecallRequest(query=query, session=session)
        return await self.peer.unary(self.memories.Recall, request, messages.RecallResponse)

    async def listed(self, **more: object) -> messages.ListMemoriesResponse:
        request = messages.ListMemoriesRequest(**more)  # type: ignore[arg-type]
        return await self.peer.unary(self.memories.ListMemories, request, messages.ListMemoriesResponse)

    async def forget(self, id_: str) -> None:
        request = messages.ForgetMemoryRequest(id=id_)
        await self.peer.unary(self.memories.ForgetMemory, request, messages.ForgetMemoryResponse)

    async def add(
        self, content: bytes, name: str = "pets.md", media_type: str = "text/markdown", **more: object
    ) -> messages.Document:
        new = messages.NewDocument(name=name, media_type=media_type, **more)  # type: ignore[arg-type]

        async def parts() -> AsyncIterator[messages.AddDocumentRequest]:
            yield messages.AddDocumentRequest(document=new)
            for start in range(0, len(content), 40):
                yield messages.AddDocumentRequest(content=content[start : start + 40])
            yield messages.AddDocumentRequest(end=messages.EndOfDocument())

        answer = await self.peer.unary(self.documents.AddDocument, parts(), messages.AddDocumentResponse)
        return answer.document

    async def show(self, id_: str, start: int = 0, end: int = 0) -> messages.GetDocumentResponse:
        request = messages.GetDocumentRequest(id=id_, start=start, end=end)
        return await self.peer.unary(self.documents.GetDocument, request, messages.GetDocumentResponse)

    async def until(
        self, holds: Callable[[messages.ListMemoriesResponse], bool]
    ) -> messages.ListMemoriesResponse:
        async def held() -> bool:
            return holds(await self.listed())

        await until(held)
        return await self.listed()


@pytest.fixture
async def around(home: Path) -> AsyncIterator[Neighbours]:
    async with neighbours(home) as found:
        yield found


@pytest.fixture
async def client(home: Path, around: Neighbours) -> AsyncIterator[Client]:
    async with wired(MemorySettings()) as server:
        await server.start()
        await server.ready(True)
        yield Client(home)
        await server.stop(0)


async def test_remembered_found_listed_and_forgotten(client: Client, around: Neighbours, home: Path) -> None:
    around.inference.embedder.alike = {"puppi": "dog"}
    fact = await client.remember("The puppy sleeps", importance=0.75, people=["Zoe"], idempotency_key="k")
    assert (fact.kind, fact.tier, fact.embedded, fact.shared) == (
        messages.KIND_FACT, messages.TIER_LONG, True, False
    )  # fmt: skip
    assert fact.importance == 0.75
    again = await client.remember("The puppy sleeps", importance=0.75, people=["Zoe"], idempotency_key="k")
    assert again.id == fact.id
    await client.remember("Rates fell")
    (hit, *_), without = (found := await client.search("dog")).hits, found.without
    assert (hit.memory.id, list(without)) == (fact.id, [])
    assert hit.why.vector_rank == 1
    assert hit.why.word_rank == 0
    stranger = Client(home, "bob")
    assert not (await stranger.search("dog")).hits
    assert not (await stranger.listed()).memories
    with pytest.raises(NotFound):
        await stranger.forget(fact.id)
    await client.forget(fact.id)
    assert [memory.text for memory in (await client.listed()).memories] == ["Rates fell"]


async def test_a_session_is_recalled_and_ends(client: Client) -> None:
    for text, role in (("My dog is Rex", "user"), ("Hello Rex", "assistant")):
        await client.remember(text, session="s", role=role)
    await client.remember("Rex likes bones")
    found = await client.recall("Rex", "s")
    assert [(turn.role, turn.text) for turn in found.turns] == [
        ("user", "My dog is Rex"),
        ("assistant", "Hello Rex"),
    ]
    assert [hit.memory.text for hit in found.hits] == ["Rex likes bones"]
    listing = await client.peer.unary(
        client.memories.ListSessions, messages.ListSessionsRequest(), messages.ListSessionsResponse
    )
    assert [(session.id, session.turns) for session in listing.sessions] == [("s", 2)]
    ended = await client.peer.unary(
        client.memories.EndSession, messages.EndSessionRequest(session="s"), messages.EndSessionResponse
    )
    assert ended.forgotten == 2
    assert not (await client.recall("Rex", "s")).turns


async def test_revised_and_rated(client: Client) -> None:
    fact = await client.remember("The sky is blue")
    revise = messages.ReviseMemoryRequest(id=fact.id, importance=0.0, pinned=True)
    revised = await client.peer.unary(client.memories.ReviseMemory, revise, messages.ReviseMemoryResponse)
    assert (revised.memory.importance, revised.memory.pinned, revised.memory.strength) == (0.0, True, 1.0)
    rate = messages.RateMemoryRequest(id=fact.id, useful=False)
    rated = await client.peer.unary(client.memories.RateMemory, rate, messages.RateMemoryResponse)
    assert rated.memory.votes == -1
    get = messages.GetMemoryRequest(id=fact.id)
    shown = await client.peer.unary(client.memories.GetMemory, get, messages.GetMemoryResponse)
    assert shown.memory.votes == -1


async def test_a_document_is_found_with_where_it_says_so(client: Client, home: Path) -> None:
    document = await client.add(TEXT.encode(), shared=False, idempotency_key="k")
    assert (document.characters, document.bytes) == (len(TEXT), len(TEXT.encode()))
    assert (await client.add(TEXT.encode(), idempotency_key="k")).id == document.id
    await client.until(lambda found: all(memory.embedded for memory in found.memories))
    hit = (await client.search("cat at night")).hits[0]
    source = hit.memory.source
    assert (source.document, source.name) == (document.id, "pets.md")
    shown = await client.show(document.id, source.start, source.end)
    assert shown.text == hit.memory.text == TEXT[source.start : source.end]
    with pytest.raises(NotFound):
        await Client(home, "bob").show(document.id)
    listing = await client.peer.unary(
        client.documents.ListDocuments, messages.ListDocumentsRequest(), messages.ListDocumentsResponse
    )
    assert [(each.id, each.embedded) for each in listing.documents] == [(document.id, document.chunks)]
    delete = messages.DeleteDocumentRequest(id=document.id)
    await client.peer.unary(client.documents.DeleteDocument, delete, messages.DeleteDocumentResponse)
    assert not (await client.search("cat at night")).hits


async def test_who_may_share_and_who_may_not(client: Client, home: Path) -> None:
    boss, stranger = Client(home, "boss", Role.ADMIN), Client(home, "ann", Role.ADMIN, "globex")
    with pytest.raises(PermissionDenied):
        await client.add(b"No dogs", shared=True)
    document = await boss.add(b"No dogs in the office", shared=True)
    assert document.shared
    assert [hit.memory.shared for hit in (await client.search("dogs")).hits] == [True]
    assert not (await client.search("dogs", filter=messages.Filter(own=True))).hits
    assert not (await stranger.search("dogs")).hits
    auditor = Client(home, "eve", Role.AUDITOR)
    with pytest.raises(PermissionDenied):
        await auditor.search("dogs")


async def test_bad_input_is_refused_by_its_field(client: Client) -> None:
    for more, field in (
        ({"kind": 9}, "kind"), ({"tier": 9}, "tier"), ({"kind": messages.KIND_CHUNK}, "kind"),
        ({"session": "s", "role": "x"}, "role"), ({"importance": 2.0}, "importance"),
        ({"happened_at": Timestamp(seconds=1 << 60)}, "happened_at"),
        ({"idempotency_key": "ä"}, "idempotency_key"),
    ):  # fmt: skip
        with pytest.raises(InvalidArgument) as refused:
            await client.remember("x", **more)
        assert refused.value.details["field"] == field
    for wanted, field in (
        (messages.Filter(kinds=[messages.KIND_UNSPECIFIED]), "kinds"),
        (messages.Filter(since=Timestamp(seconds=1 << 60)), "since"),
        (messages.Filter(session="a\nb"), "session"),
    ):  # fmt: skip
        with pytest.raises(InvalidArgument) as refused:
            await client.search("x", filter=wanted)
        assert refused.value.details["field"] == field
    with pytest.raises(TooLarge, match="COLONNADE_MEMORY_DOCUMENT_BYTES"):
        await client.add(b"x" * 100_001)
    with pytest.raises(Unsupported, match="text/markdown"):
        await client.add(b"x", media_type="image/png")
    with pytest.raises(InvalidArgument, match="content"):
        await client.add(b"")


async def test_a_stream_that_is_no_document(client: Client) -> None:
    new = messages.AddDocumentRequest(document=messages.NewDocument(name="x", media_type="text/plain"))
    content = messages.AddDocumentRequest(content=b"x")
    for requests, field in (([], "document"), ([content], "document"), ([new, new], "content")):

        async def parts(
            those: list[messages.AddDocumentRequest] = requests,
        ) -> AsyncIterator[messages.AddDocumentRequest]:
            for each in those:
                yield each

        with pytest.raises(InvalidArgument) as refused:
            await client.peer.unary(client.documents.AddDocument, parts(), messages.AddDocumentResponse)
        assert refused.value.details["field"] == field


async def test_without_neighbours_words_find_and_vectors_come_later(home: Path) -> None:
    async with wired(MemorySettings()) as server:
        await server.start()
        client = Client(home)
        fact = await client.remember("The dog barks")
        assert not fact.embedded
        found = await client.search("dogs")
        assert [hit.memory.id for hit in found.hits] == [fact.id]
        assert list(found.without) == ["vectors"]
        async with neighbours(home) as around:
            await client.until(lambda found: found.memories[0].embedded)
            principal, _ = around.inference.embeds[0]
            assert (principal.tenant, principal.subject) == ("acme", "memory")
        await server.stop(0)


async def test_episodes_become_a_fact_and_long_sessions_are_summed_up(client: Client, home: Path) -> None:
    for _ in range(2):
        await client.remember("Lunch with Zoe in Rome", kind=messages.KIND_EPISODE)
    for number in range(42):
        await client.remember(f"turn {number} about ships", session="s", role="user")
    found = await client.until(lambda found: any(memory.made_of for memory in found.memories))
    fact = next(memory for memory in found.memories if memory.made_of)
    assert (fact.kind, fact.text, len(fact.made_of)) == (messages.KIND_FACT, "Lunch with Zoe in Rome", 2)

    async def summed_up() -> bool:
        return bool((await client.recall("", "s")).summary)

    await until(summed_up)
    assert "ships" in (await client.recall("", "s")).summary


async def test_what_is_forgotten_is_in_no_file(client: Client, home: Path) -> None:
    fact = await client.remember("The password is xyzzyswordfish")
    document = await client.add(b"Nobody may read plughsecret")
    await client.forget(fact.id)
    delete = messages.DeleteDocumentRequest(id=document.id)
    await client.peer.unary(client.documents.DeleteDocument, delete, messages.DeleteDocumentResponse)

    async def overwritten() -> bool:
        files = [file for file in home.rglob("*") if file.is_file()]
        return not any(word in file.read_bytes() for file in files for word in (b"xyzzysword", b"plughsecr"))

    await until(overwritten)


async def test_acts_are_in_the_audit_log_and_no_text(client: Client, home: Path) -> None:
    fact = await client.remember("The password is swordfish")
    await client.forget(fact.id)
    log = home / "audit" / "memory.jsonl"
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(record["action"], record["outcome"]) for record in records] == [
        ("memory.remember", "ok"), ("memory.forget", "begun"), ("memory.forget", "ok")
    ]  # fmt: skip
    opened = {(record.tenant, record.subject) for record in read_opened(log)}
    assert opened == {("acme", "eve")}
    assert "swordfish" not in log.read_text()
    assert verify(log).ok


async def test_a_home_has_one_memory_service(client: Client) -> None:
    with pytest.raises(ColonnadeError):
        async with wired(MemorySettings()):
            raise AssertionError("there are two")


async def test_sigterm_ends_it(home: Path) -> None:
    running = asyncio.create_task(serve(MemorySettings()))
    client = Client(home)

    async def answers() -> bool:
        with suppress(Unavailable):
            await client.listed()
            return True
        return False

    await until(answers)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 60)


def test_check_says_what_would_be_used(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["service"], facts["database"], facts["writer"]) == ("memory", "sqlite", "central sentences")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x/y"), ("FORGET_BELOW", "1.5"), ("SESSION_TURNS", "20"), ("SIMILAR", "0.1"),
        ("DOCUMENT_BYTES", "1"), ("EMBED_SECONDS", "0"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"COLONNADE_MEMORY_{name}", value)
    assert main(["--check"]) == 2
    assert capsys.readouterr().err.startswith("memory: ")


async def test_a_subject_is_erased_with_a_receipt_and_no_byte_of_them_is_left(
    home: Path, around: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLONNADE_MEMORY_ERASE_SERVICES", "memory")
    monkeypatch.setenv("COLONNADE_MEMORY_ERASE_SETTLE_SECONDS", "0")
    async with wired(MemorySettings()) as server:
        await server.start()
        subject = "canary-eve"
        client, admin = Client(home, subject), Client(home, "boss", Role.ADMIN)
        await client.remember("The canarysong is yellow", idempotency_key="k")
        await client.add(b"A canarydocument", idempotency_key="d")
        kept = await admin.remember("Nothing of her")
        stub = SubjectServiceStub(admin.peer.channel)
        request = subjects_pb2.EraseSubjectRequest(subject=subject, why="asked")
        erasure = (
            await admin.peer.unary(stub.EraseSubject, request, subjects_pb2.EraseSubjectResponse)
        ).erasure

        async def told() -> subjects_pb2.Erasure:
            wanted = subjects_pb2.GetErasureRequest(id=erasure.id)
            answer = await admin.peer.unary(stub.GetErasure, wanted, subjects_pb2.GetErasureResponse)
            return answer.erasure

        async def done() -> bool:
            return (await told()).HasField("ended_at")

        await until(done)
        key = await admin.peer.unary(
            stub.GetReceiptKey, subjects_pb2.GetReceiptKeyRequest(), subjects_pb2.GetReceiptKeyResponse
        )
        facts = verified((await told()).receipt, keys_of(key.public_key))
        assert facts["removed"]["memory"]["memories"] == 2

        async def overwritten() -> bool:
            files = [file for file in home.rglob("*") if file.is_file()]
            return not any(b"canary" in file.read_bytes() for file in files)

        await until(overwritten)
        assert [each.id for each in (await admin.listed()).memories] == [kept.id]
        await server.stop(0)
