"""The same contract through the wire, for our own engine."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache, partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from tests.contract.engine.alone import alone
from tests.contract.engine.cases import ASKS, Answer, Ask
from tests.contract.engine.over_grpc import OverGrpc
from tests.contract.engine.suite import check_as_if_alone
from tests.unit.engine.served import serving
from tests.unit.engine.toys.loaded import FAMILIES, runtime

_QUICK = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def _runtime(family: str) -> Runtime:
    return runtime(family)


def _alone(family: str, ask: Ask, jitter: int = 0) -> Answer:
    """Floats have 32 bits on the wire."""
    narrow = {
        name: float(torch.tensor(getattr(ask, name), dtype=torch.float32))
        for name in ("temperature", "top_p", "min_p", "repetition_penalty")
    }
    return alone(_runtime(family), replace(ask, **narrow), jitter)  # type: ignore[arg-type]


@pytest.fixture(params=FAMILIES)
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, OverGrpc]]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        limits = Limits(max_sequences=3, step_tokens=9)
        served = runner.run(stack.enter_async_context(serving(limits)))
        model = runner.run(served.load(request.param))
        yield request.param, OverGrpc(runner, served.peer, model)
        runner.run(stack.aclose())


@_QUICK
@given(asks=st.lists(ASKS, min_size=2, max_size=8, unique=True))
def test_answers_do_not_depend_on_the_company(engine: tuple[str, OverGrpc], asks: list[Ask]) -> None:
    family, over_grpc = engine
    check_as_if_alone(over_grpc, asks, partial(_alone, family))
