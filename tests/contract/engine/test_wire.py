"""Our own engine against what every engine does over the wire."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
import torch

from colonnade.engine.scheduler import Limits
from tests.contract.engine.wire import Wire, little_llama
from tests.contract.engine.wire_contract import WireContract
from tests.unit.engine.served import serving


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("wire")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        limits = Limits(max_sequences=8, step_tokens=64, cache_bytes=64 << 20)
        served = runner.run(stack.enter_async_context(serving(limits)))
        little = runner.run(little_llama(served.blobs, folder))
        yield Wire(runner, served.peer, served.identity, served.blobs, little, folder)
        runner.run(stack.aclose())


class TestOurs(WireContract):
    """Nothing but the contract."""
