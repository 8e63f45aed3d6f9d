"""Screening on the ethics service's gRPC: one two-way stream a request."""

import asyncio
from collections.abc import AsyncGenerator

from colonnade.api.ethics.v1 import ethics_pb2 as wire
from colonnade.api.ethics.v1.ethics_pb2_grpc import EthicsServiceStub
from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.errors import Unavailable
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.screening_wire import SIDES, action_of
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.guarding import Decision, Side, Verdict
from colonnade.gateway.domain.models import Target


class EthicsScreener:
    """Implements ``ports.Screener``. A stream needs no round trip of its own: its first text opens it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = EthicsServiceStub(calls.peer.channel)

    def open(self, caller: Caller, route: str, target: Target | None = None) -> "ScreenStream":
        return ScreenStream(self._calls, self._stub, caller, route, _model(target))


class ScreenStream:
    """Implements ``ports.Screening``: every message is answered by one verdict."""

    def __init__(
        self, calls: Calls, stub: EthicsServiceStub, caller: Caller, route: str, model: ModelRef | None
    ) -> None:
        self._requests: asyncio.Queue[wire.ScreenRequest | None] = asyncio.Queue()
        self._verdicts: AsyncGenerator[wire.ScreenResponse, None] = calls.stream(
            caller, stub.Screen, self._sent(), wire.ScreenResponse
        )
        self._route, self._model = route, model

    async def screen(self, side: Side, text: str, *, last: bool = False, again: bool = False) -> Verdict:
        route, self._route = self._route, ""
        model, self._model = self._model, None
        self._requests.put_nowait(
            wire.ScreenRequest(side=SIDES[side], text=text, last=last, again=again, route=route, model=model)
        )
        answer = await anext(self._verdicts, None)
        if answer is None:
            raise Unavailable("the ethics service ended a stream early; try again", retry_after_seconds=1)
        return _verdict(answer, side)

    async def close(self) -> None:
        self._requests.put_nowait(None)
        await self._verdicts.aclose()

    async def _sent(self) -> AsyncGenerator[wire.ScreenRequest, None]:
        while (request := await self._requests.get()) is not None:
            yield request


def _model(target: Target | None) -> ModelRef | None:
    """None where an adapter has a part in the answer: the version alone would answer otherwise."""
    if target is None or target.adapter is not None or target.base:
        return None
    return ModelRef(name=target.name, version=target.version, digest=target.digest)


def _verdict(answer: wire.ScreenResponse, side: Side) -> Verdict:
    return Verdict(
        answer.allowed_until,
        tuple(_decision(each, side) for each in answer.decisions),
        answer.policy_name,
        answer.policy_version,
        tuple(answer.unscreened),
    )


def _decision(made: wire.Decision, side: Side) -> Decision:
    return Decision(
        side,
        made.rule,
        made.category,
        action_of(made.action),
        made.span.start,
        made.span.end,
        made.score,
        made.explanation,
        made.replacement,
        made.reason,
        made.guidance,
    )
