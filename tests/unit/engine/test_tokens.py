"""What a text is in tokens, and back: over gRPC with a tokenizer of bytes."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.generation.v1.generation_pb2 import Chat, ChatMessage
from colonnade.engine.requests import Generation
from colonnade.engine.tokens import MAX_IDS, Tokenizing, detokenized, tokenized
from colonnade.errors import InvalidArgument, NotFound, TooLarge
from tests.unit.engine.served import LIMIT, Served, serving
from tests.unit.engine.toys import spelling
from tests.unit.engine.toys.loaded import runtime


@pytest.fixture
async def served() -> AsyncGenerator[Served, None]:
    async with asyncio.timeout(LIMIT), serving() as started:
        yield started


async def tokens(served: Served, model: Any, **fields: Any) -> pb.TokenizeResponse:
    return await served.call("Tokenize", pb.TokenizeRequest(model=model, **fields), pb.TokenizeResponse)


async def text(served: Served, model: Any, *ids: int) -> pb.DetokenizeResponse:
    return await served.call("Detokenize", pb.DetokenizeRequest(model=model, ids=ids), pb.DetokenizeResponse)


async def test_a_text_and_its_tokens(served: Served) -> None:
    model = await served.load()
    found = await tokens(served, model, text="aé", add_special_tokens=True, with_texts=True)
    assert list(found.texts) == ["a", "", "é"]
    assert list(found.ids) == spelling.tokenizer().encode("aé")
    assert (found.context_length, found.model) == (96, model)
    back = await text(served, model, *found.ids)
    assert (back.text, back.model) == ("aé", model)
    assert list((await tokens(served, model, text="aé")).texts) == []
    assert list((await tokens(served, model, text="")).ids) == []


async def test_a_conversation_is_what_the_template_makes_of_it(served: Served) -> None:
    model = await served.load()
    chat = Chat(messages=[ChatMessage(role="user", content="hi <|end|>")])
    found = await tokens(served, model, chat=chat, with_texts=True)
    rendered = "<|start|>user\nhi <|end|><|end|>\n<|start|>assistant\n"
    assert "".join(found.texts) == (await text(served, model, *found.ids)).text == rendered
    assert list(found.ids).count(256) == 1, "what a message says is no control token"


async def test_what_cannot_be_is_refused_by_name(served: Served) -> None:
    model = await served.load()
    with pytest.raises(InvalidArgument, match="either prompt or"):
        await tokens(served, model)
    with pytest.raises(InvalidArgument) as refusal:
        await text(served, model, 3, -1)
    assert refusal.value.details["field"] == "tokens[1]"
    with pytest.raises(NotFound):
        await text(served, type(model)(digest="sha256:" + "0" * 64), 3)


def test_bounds() -> None:
    with pytest.raises(TooLarge):
        detokenized([0] * (MAX_IDS + 1), runtime())
    with pytest.raises(TooLarge):
        tokenized(Tokenizing(Generation("", 1, prompt="x" * 1_000_001)), runtime())


@given(st.text(max_size=40))
def test_texts_add_up_to_the_whole(given_text: str) -> None:
    asked = Tokenizing(Generation("", 1, prompt=given_text), with_texts=True)
    found = tokenized(asked, runtime())
    assert len(found.texts) == len(found.ids)
    assert "".join(found.texts) == detokenized(found.ids, runtime())
