"""What the platform remembers over real gRPC on a socket: what goes over the wire, and as whom."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from colonnade import rpc
from colonnade.api.memory.v1 import memory_pb2 as wire
from colonnade.api.memory.v1.memory_pb2_grpc import (
    DocumentServiceServicer,
    MemoryServiceServicer,
    add_DocumentServiceServicer_to_server,
    add_MemoryServiceServicer_to_server,
)
from colonnade.errors import DeadlineExceeded, InvalidArgument, NotFound, TooLarge, Unavailable
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.memory import MemoryService
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.memory import (
    Document,
    Found,
    Hit,
    Memory,
    MemoryFilter,
    NewDocument,
    NewMemory,
    Passage,
    Question,
    Recollection,
    Session,
    Source,
    Why,
)
from colonnade.gateway.http.errors import ClientGone
from colonnade.gateway.http.wire_memory import Kind, Tier
from colonnade.security.access.memory import RPCS
from colonnade.security.identity import Principal, Role

MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
ALICE = Principal("acme", "alice", frozenset({Role.CALLER}), "k1")
CALLER = Caller(ALICE, "req-1")
STAMP = Timestamp(seconds=int(MOMENT.timestamp()))
LIMIT = 10.0
FACT = wire.Memory(
    id="mem_1", kind=wire.KIND_FACT, tier=wire.TIER_LONG, session="s1", text="Tea.", importance=0.25,
    pinned=True, people=["Ann"], happened_at=STAMP, created_at=STAMP, made_of=["mem_0"], uses=3,
    used_at=STAMP, votes=-1, strength=0.5, embedded=True, role="user",
)  # fmt: skip
PIECE = wire.Memory(
    id="mem_2", kind=wire.KIND_CHUNK, tier=wire.TIER_LONG, text="Four.", shared=True, happened_at=STAMP,
    created_at=STAMP, source=wire.Source(document="doc_1", name="Book", start=3, end=8, page=2),
)  # fmt: skip
READ_FACT = Memory(
    "mem_1", "fact", "long", "Tea.", MOMENT, MOMENT, "s1", 0.25, True, False, "user", ("Ann",), None,
    ("mem_0",), 3, MOMENT, -1, 0.5, True,
)  # fmt: skip
READ_PIECE = Memory(
    "mem_2", "chunk", "long", "Four.", MOMENT, MOMENT, importance=0.0, shared=True,
    source=Source("doc_1", "Book", 3, 8, 2),
)  # fmt: skip
DOCUMENT = wire.Document(
    id="doc_1", name="Book", media_type="text/plain", bytes=9, digest="sha256:d", characters=8, pages=2,
    chunks=1, embedded=1, shared=True, created_at=STAMP,
)  # fmt: skip
READ_DOCUMENT = Document("doc_1", "Book", "text/plain", 9, "sha256:d", 8, 2, 1, 1, True, MOMENT)
HITS = [
    wire.Hit(
        memory=PIECE,
        score=0.5,
        why=wire.Why(
            word_rank=1, bm25=2.5, words=["tea"], vector_rank=2, cosine=0.75, strength=1, reranked=-1.5
        ),
    ),
    wire.Hit(memory=FACT, score=0.25, why=wire.Why(strength=0.5)),
]
FOUND = Found(
    (
        Hit(READ_PIECE, 0.5, Why(1, 2.5, ("tea",), 2, 0.75, 1.0, -1.5)),
        Hit(READ_FACT, 0.25, Why(strength=0.5)),
    ),
    ("rerank",),
)


class Service(MemoryServiceServicer, DocumentServiceServicer):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, Principal]] = []
        self.documents: list[bytes] = []
        self.coming = asyncio.Event()
        self.broken = asyncio.Event()
        self.readable = asyncio.Event()
        self.readable.set()
        self.most = 1 << 30

    def _note(self, request: Any) -> None:
        self.seen.append((request, rpc.current().principal))

    async def Remember(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.RememberResponse(memory=FACT)

    async def RememberExchange(self, request: Any, context: Any) -> Any:
        self._note(request)
        if request.asked == "slow":
            await asyncio.Event().wait()
        return wire.RememberExchangeResponse(turns=[FACT, FACT])

    async def Search(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.SearchResponse(hits=HITS, without=["rerank"])

    async def Recall(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.RecallResponse(summary="Before.", turns=[FACT], hits=HITS, without=["rerank"])

    async def ListMemories(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ListMemoriesResponse(memories=[FACT, PIECE], next_page="n")

    async def GetMemory(self, request: Any, context: Any) -> Any:
        self._note(request)
        if request.id != "mem_1":
            raise NotFound("there is no such memory", field="id")
        return wire.GetMemoryResponse(memory=FACT)

    async def ReviseMemory(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ReviseMemoryResponse(memory=FACT)

    async def ForgetMemory(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ForgetMemoryResponse()

    async def RateMemory(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.RateMemoryResponse(memory=FACT)

    async def ListSessions(self, request: Any, context: Any) -> Any:
        self._note(request)
        told = wire.Session(id="s1", turns=4, summary="x", began_at=STAMP, last_at=STAMP)
        return wire.ListSessionsResponse(sessions=[told], next_page="n")

    async def EndSession(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.EndSessionResponse(forgotten=4)

    async def AddDocument(self, request_iterator: AsyncIterator[Any], context: Any) -> Any:
        self._note(await anext(request_iterator))
        data, whole = b"", False
        try:
            async for request in request_iterator:
                if whole := request.WhichOneof("part") == "end":
                    break
                self.coming.set()
                data += request.content
                if len(data) > self.most:
                    raise TooLarge("content has too much", field="content", limit=self.most)
            if not whole:
                self.broken.set()
                raise InvalidArgument("content broke off", field="content")
            await self.readable.wait()
        except asyncio.CancelledError:
            self.broken.set()
            raise
        self.documents.append(data)
        return wire.AddDocumentResponse(document=DOCUMENT)

    async def ListDocuments(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ListDocumentsResponse(documents=[DOCUMENT], next_page="n")

    async def GetDocument(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.GetDocumentResponse(document=DOCUMENT, text="Four", start=3)

    async def DeleteDocument(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.DeleteDocumentResponse()


@pytest.fixture
async def served() -> AsyncIterator[tuple[Service, MemoryService]]:
    folder = Path(tempfile.mkdtemp(prefix="gw"))
    identity = rpc.Identity("gateway", folder / "identity")
    service, address = Service(), f"unix:{folder}/r/memory.sock"
    server = rpc.Server(address, RPCS, identity)
    server.add(add_MemoryServiceServicer_to_server, service, "memory")
    server.add(add_DocumentServiceServicer_to_server, service, "documents")
    await server.start()
    async with rpc.Peer("memory", address, identity) as peer:
        yield service, MemoryService(Calls(peer, identity))
    await server.stop(0)
    shutil.rmtree(folder)


Served = tuple[Service, MemoryService]


async def test_something_is_remembered(served: Served) -> None:
    service, book = served
    new = NewMemory("Tea.", "fact", "task", "s1", 0.25, True, "user", ("Ann",), MOMENT, "k")
    assert await book.remember(CALLER, new) == READ_FACT
    await book.remember(CALLER, NewMemory("x"))
    assert service.seen == [
        (
            wire.RememberRequest(
                kind=wire.KIND_FACT, tier=wire.TIER_TASK, session="s1", text="Tea.", importance=0.25,
                pinned=True, role="user", people=["Ann"], happened_at=STAMP, idempotency_key="k",
            ),
            ALICE,
        ),
        (wire.RememberRequest(text="x"), ALICE),
    ]  # fmt: skip
    assert not service.seen[1][0].HasField("importance")


async def test_an_exchange_is_one_call(served: Served) -> None:
    service, book = served
    await book.remember_exchange(CALLER, "s1", "Tea?", "At four.", "k", 2.0)
    sent = wire.RememberExchangeRequest(session="s1", asked="Tea?", answered="At four.", idempotency_key="k")
    assert service.seen == [(sent, ALICE)]
    with pytest.raises(DeadlineExceeded):
        await book.remember_exchange(CALLER, "s1", "slow", "At four.", "k", 0.05)


async def test_it_is_searched_and_recalled(served: Served) -> None:
    service, book = served
    wanted = MemoryFilter(("fact", "chunk"), "s1", ("doc_1",), MOMENT, MOMENT, own=True)
    assert await book.search(CALLER, Question("tea", 3, wanted, rerank=True)) == FOUND
    assert await book.recall(CALLER, Question("tea"), "s1", 2.0) == Recollection(
        "Before.", (READ_FACT,), FOUND
    )
    sent = wire.Filter(
        kinds=[wire.KIND_FACT, wire.KIND_CHUNK], session="s1", documents=["doc_1"], since=STAMP, until=STAMP,
        own=True,
    )  # fmt: skip
    assert [each for each, _ in service.seen] == [
        wire.SearchRequest(query="tea", limit=3, filter=sent, rerank=True),
        wire.RecallRequest(query="tea", session="s1", filter=wire.Filter()),
    ]


async def test_the_rest_of_memories_and_sessions(served: Served) -> None:
    service, book = served
    page = await book.page(CALLER, MemoryFilter(), 7, "t")
    assert (page.memories, page.next_page) == ((READ_FACT, READ_PIECE), "n")
    assert await book.get(CALLER, "mem_1") == READ_FACT
    with pytest.raises(NotFound, match="no such memory"):
        await book.get(CALLER, "mem_2")
    assert await book.revise(CALLER, "mem_1", None, False) == READ_FACT
    await book.revise(CALLER, "mem_1", 0.0, None)
    await book.forget(CALLER, "mem_1")
    assert await book.rate(CALLER, "mem_1", useful=False) == READ_FACT
    sessions = await book.sessions(CALLER, 7, "t")
    assert (sessions.sessions, sessions.next_page) == ((Session("s1", 4, MOMENT, MOMENT, "x"),), "n")
    assert await book.end_session(CALLER, "s1") == 4
    sent = [each for each, _ in service.seen]
    assert sent == [
        wire.ListMemoriesRequest(filter=wire.Filter(), limit=7, page="t"),
        wire.GetMemoryRequest(id="mem_1"), wire.GetMemoryRequest(id="mem_2"),
        wire.ReviseMemoryRequest(id="mem_1", pinned=False),
        wire.ReviseMemoryRequest(id="mem_1", importance=0.0),
        wire.ForgetMemoryRequest(id="mem_1"), wire.RateMemoryRequest(id="mem_1"),
        wire.ListSessionsRequest(limit=7, page="t"), wire.EndSessionRequest(session="s1"),
    ]  # fmt: skip
    assert [sent[3].HasField(name) for name in ("importance", "pinned")] == [False, True]
    assert {who for _, who in service.seen} == {ALICE}


async def test_documents_are_listed_shown_and_deleted(served: Served) -> None:
    service, book = served
    page = await book.documents(CALLER, 7, "t")
    assert (page.documents, page.next_page) == ((READ_DOCUMENT,), "n")
    assert await book.document(CALLER, "doc_1", 3, 7) == Passage(READ_DOCUMENT, "Four", 3)
    await book.delete_document(CALLER, "doc_1")
    assert [each for each, _ in service.seen] == [
        wire.ListDocumentsRequest(limit=7, page="t"), wire.GetDocumentRequest(id="doc_1", start=3, end=7),
        wire.DeleteDocumentRequest(id="doc_1"),
    ]  # fmt: skip


NEW = NewDocument("Book", "text/plain", True, "k")


async def test_a_document_goes_on_as_it_comes(served: Served) -> None:
    service, book = served

    async def content() -> AsyncIterator[bytes]:
        yield b"Tea "
        async with asyncio.timeout(LIMIT):
            await service.coming.wait()
        yield b"x" * 600_000
        yield b""

    assert await book.add_document(CALLER, NEW, content()) == READ_DOCUMENT
    first = wire.NewDocument(name="Book", media_type="text/plain", shared=True, idempotency_key="k")
    assert service.seen == [(wire.AddDocumentRequest(document=first), ALICE)]
    assert service.documents == [b"Tea " + b"x" * 600_000]


@pytest.mark.parametrize("fault", [ClientGone(), TooLarge("too much", field="body"), RuntimeError("ours")])
async def test_a_document_that_breaks_off_is_not_whole(served: Served, fault: Exception) -> None:
    service, book = served

    async def content() -> AsyncIterator[bytes]:
        yield b"Tea "
        async with asyncio.timeout(LIMIT):
            await service.coming.wait()
        raise fault

    with pytest.raises(type(fault)):
        await book.add_document(CALLER, NEW, content())
    async with asyncio.timeout(LIMIT):
        await service.broken.wait()
    assert service.documents == []


async def test_a_document_that_is_refused_is_read_no_further(served: Served) -> None:
    service, book = served
    service.most = 3
    closed = asyncio.Event()

    async def content() -> AsyncIterator[bytes]:
        try:
            yield b"Tea at four."
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with asyncio.timeout(LIMIT):
        with pytest.raises(TooLarge, match="content has too much"):
            await book.add_document(CALLER, NEW, content())
        await closed.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        while any("_consume_request_iterator" in repr(each) for each in others):
            _, others = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
    assert service.documents == []


async def test_who_leaves_an_upload_ends_it(served: Served) -> None:
    service, book = served

    async def content() -> AsyncIterator[bytes]:
        yield b"Tea "
        await asyncio.Event().wait()

    service.readable.clear()
    adding = asyncio.create_task(book.add_document(CALLER, NEW, content()))
    async with asyncio.timeout(LIMIT):
        await service.coming.wait()
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
        await service.broken.wait()
    assert service.documents == []


async def test_a_platform_without_the_memory_service(short_folder: Path) -> None:
    identity = rpc.Identity("gateway", short_folder / "identity")

    async def content() -> AsyncIterator[bytes]:
        yield b"x"

    async with rpc.Peer("memory", f"unix:{short_folder}/none.sock", identity) as peer:
        book = MemoryService(Calls(peer, identity))
        with pytest.raises(Unavailable, match="memory"):
            await book.get(CALLER, "mem_1")
        with pytest.raises(Unavailable, match="memory"):
            await book.add_document(CALLER, NEW, content())


def test_every_kind_and_tier_of_the_contract_has_its_word() -> None:
    for words, names, prefix in ((Kind, wire.Kind, "KIND_"), (Tier, wire.Tier, "TIER_")):
        known = {name.removeprefix(prefix).lower() for name in names.DESCRIPTOR.values_by_name}
        assert known - {"unspecified"} == set(get_args(words))
