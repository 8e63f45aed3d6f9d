"""vLLM against what every engine does over the wire; ``make test-vllm`` runs it."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import torch

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.errors import Overloaded, Unsupported
from tests.contract.engine.vllm_process import PYTHON, vllm_process
from tests.contract.engine.wire import NO_END, Wire, little_llama
from tests.contract.engine.wire_contract import WireContract

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not PYTHON, reason="needs vLLM: make test-vllm"),
]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("wire")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        process = runner.run(stack.enter_async_context(vllm_process(max_sequences="8", dtype="float32")))
        little = runner.run(little_llama(process.blobs, folder))
        yield Wire(runner, process.peer, process.identity, process.blobs, little, folder)
        runner.run(stack.aclose())


class TestVllm(WireContract):
    """The contract, and what one model at a time means."""

    def test_a_capability_that_it_lacks_is_refused_by_name(self, wire: Wire) -> None:
        assert "embed" not in wire.stats().models[0].capabilities
        with pytest.raises(Unsupported) as refused:
            wire.call("Embed", pb.EmbedRequest(model=wire.model, texts=["fox"]), pb.EmbedResponse)
        assert refused.value.details["capability"] == "embed"

    def test_a_model_in_use_does_not_give_way_and_an_idle_one_does(self, wire: Wire, tmp_path: Path) -> None:
        other = wire.run(little_llama(wire.blobs, tmp_path, name="other", seed=5))

        async def in_the_middle() -> None:
            asked = wire.asking(sampling=gen.Sampling(logit_bias=NO_END), max_tokens=4000)
            stream = wire.peer.stream(wire.stub.Submit, pb.SubmitRequest(generation=asked), pb.SubmitResponse)
            async for _ in stream:
                with pytest.raises(Overloaded):
                    await wire.aload(other)
                break

        wire.run(in_the_middle())
        assert not any(wire.engine.held().values())
        assert wire.load(other).model.name == "other"
        assert [each.model.name for each in wire.stats().models] == ["other"]
        assert wire.load(wire.little).model == wire.model
