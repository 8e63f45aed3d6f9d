"""Memory on a real platform: its own process, the bundled encoder's vectors, and kills in the middle."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from colonnade.api.memory.v1 import memory_pb2 as messages
from colonnade.api.memory.v1.memory_pb2_grpc import DocumentServiceStub, MemoryServiceStub
from colonnade.errors import ColonnadeError, NotFound
from colonnade.rpc import Identity, Peer
from colonnade.security.identity import Principal, Role
from colonnade.supervise.home import Home
from tests.harness.platform import Platform, running
from tests.unit.memory.house import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LIMIT = 240.0
FACTS = (
    "Puppies chew shoes.",
    "The central bank raised interest rates.",
    "Photosynthesis turns light into sugar.",
    "Trains between Vienna and Graz run every hour.",
)
MANUAL = """# Espresso machine

Fill the tank with fresh water before you switch it on.

## Descaling

Lime builds up inside the boiler. Remove it every three months with citric acid.

## Warranty

Repairs are free for two years after the purchase.
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running("--no-import") as started:
        started.command("models", "import", "bundled:all-minilm-l6-v2", "--name", "minilm")
        yield started


class Client:
    """The memory service over its socket, as one person."""

    def __init__(self, home: Path, subject: str, tenant: str = "acme") -> None:
        identity = Identity("gateway", home / "identity")
        identity.principal = Principal(tenant, subject, frozenset({Role.CALLER}))
        self.peer = Peer("memory", f"unix:{home}/run/memory.sock", identity)
        channel = self.peer.channel
        self._memories, self._documents = MemoryServiceStub(channel), DocumentServiceStub(channel)

    async def remember(self, text: str) -> messages.Memory:
        request = messages.RememberRequest(text=text)
        answer = await self.peer.unary(self._memories.Remember, request, messages.RememberResponse)
        return answer.memory

    async def search(self, query: str) -> messages.SearchResponse:
        request = messages.SearchRequest(query=query)
        return await self.peer.unary(self._memories.Search, request, messages.SearchResponse)

    async def listed(self, *documents: str, page: str = "") -> list[messages.Memory]:
        wanted = messages.Filter(documents=documents)
        request = messages.ListMemoriesRequest(filter=wanted, limit=200, page=page)
        found = await self.peer.unary(self._memories.ListMemories, request, messages.ListMemoriesResponse)
        rest = await self.listed(*documents, page=found.next_page) if found.next_page else []
        return [*found.memories, *rest]

    async def add(self, name: str, content: bytes) -> messages.Document:
        new = messages.NewDocument(name=name, media_type="text/markdown", idempotency_key=name)

        async def parts() -> AsyncIterator[messages.AddDocumentRequest]:
            yield messages.AddDocumentRequest(document=new)
            for start in range(0, len(content), 65536):
                yield messages.AddDocumentRequest(content=content[start : start + 65536])
            yield messages.AddDocumentRequest(end=messages.EndOfDocument())

        answer = await self.peer.unary(
            self._documents.AddDocument, parts(), messages.AddDocumentResponse, timeout=60
        )
        return answer.document

    async def show(self, id_: str, start: int = 0, end: int = 0) -> messages.GetDocumentResponse:
        request = messages.GetDocumentRequest(id=id_, start=start, end=end)
        return await self.peer.unary(self._documents.GetDocument, request, messages.GetDocumentResponse)

    async def documents(self) -> list[messages.Document]:
        request = messages.ListDocumentsRequest(limit=200)
        found = await self.peer.unary(
            self._documents.ListDocuments, request, messages.ListDocumentsResponse, timeout=10
        )
        return list(found.documents)

    async def all_embedded(self) -> None:
        async def embedded() -> bool:
            return all(memory.embedded for memory in await self.listed())

        await until(embedded, LIMIT)


async def test_found_by_meaning_and_by_nobody_else(platform: Platform) -> None:
    eve, bob, ann = (
        Client(platform.home, who, tenant)
        for who, tenant in (("eve", "acme"), ("bob", "acme"), ("eve", "globex"))
    )
    for fact in FACTS:
        await eve.remember(fact)
    await eve.all_embedded()
    for question, fact in (
        ("young dogs damage footwear", FACTS[0]), ("monetary policy got tighter", FACTS[1]),
        ("how do plants make food?", FACTS[2]), ("railway timetable Austria", FACTS[3]),
    ):  # fmt: skip
        found = await eve.search(question)
        assert (found.hits[0].memory.text, list(found.without)) == (fact, []), question
        assert found.hits[0].why.word_rank == 0, "they share no word"
        for stranger in (bob, ann):
            assert not (await stranger.search(question)).hits


async def test_a_document_is_found_by_meaning_with_where_it_says_so(platform: Platform) -> None:
    zoe = Client(platform.home, "zoe")
    document = await zoe.add("manual.md", MANUAL.encode() + b"\n" + b"Other words. " * 300)
    await zoe.all_embedded()
    hit = (await zoe.search("how often must I clean off calcium deposits?")).hits[0]
    assert "citric acid" in hit.memory.text
    source = hit.memory.source
    assert (source.document, source.name) == (document.id, "manual.md")
    assert (await zoe.show(document.id, source.start, source.end)).text == hit.memory.text
    with pytest.raises(NotFound):
        await Client(platform.home, "bob").show(document.id)


async def test_killed_in_the_middle_of_adding_documents_nothing_is_there_in_part(platform: Platform) -> None:
    tom = Client(platform.home, "tom")
    texts = {f"d{number}.md": f"Document {number}. " + f"Words of {number}. " * 2000 for number in range(16)}
    acknowledged: dict[str, str] = {}
    pid_file = Home(platform.home).pid_file("memory")  # the command would take too long to say it

    async def add(names: list[str]) -> None:
        for name in names:
            try:
                acknowledged[name] = (await tom.add(name, texts[name].encode())).id
            except ColonnadeError:  # killed meanwhile: whether it is there nobody knows
                await _answers(tom)

    async def kill(times: int) -> None:
        for _ in range(times):
            enough = len(acknowledged) + 3

            async def three_more(enough: int = enough) -> bool:
                return len(acknowledged) >= enough

            await until(three_more, LIMIT)
            await asyncio.sleep(0.05)
            os.kill(json.loads(pid_file.read_text())["pid"], signal.SIGKILL)
            await _answers(tom)

    names = sorted(texts)
    adding = asyncio.gather(add(names[:8]), add(names[8:]))
    await kill(2)
    await adding
    await _answers(tom)
    there = {document.name: document for document in await tom.documents()}
    assert 6 <= len(acknowledged) < len(names)
    assert {name: there[name].id for name in acknowledged} == acknowledged
    for name, document in there.items():
        assert await _whole(tom, document) == texts[name]
        assert len(await tom.listed(document.id)) == document.chunks
    known = {document.id for document in there.values()}
    assert {memory.source.document for memory in await tom.listed()} <= known
    for name in names:  # and what was not acknowledged may be asked for again
        document = await tom.add(name, texts[name].encode())
        assert document.id == acknowledged.get(name, document.id)
    assert len(await tom.documents()) == len(names)


async def _whole(client: Client, document: messages.Document) -> str:
    return (await client.show(document.id, 0, document.characters)).text


async def _answers(client: Client) -> None:
    async def answered() -> bool:
        with suppress(ColonnadeError):
            await client.documents()
            return True
        return False

    await until(answered, LIMIT)
