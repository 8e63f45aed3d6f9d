"""Screening on the ethics service's gRPC: one two-way stream a request."""

import asyncio
from collections.abc import AsyncGenerator
from typing import get_args

from colonnade.api.ethics.v1 import ethics_pb2 as wire
from colonnade.api.ethics.v1.ethics_pb2_grpc import EthicsServiceStub
from colonnade.errors import Unavailable
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.guarding import Action, Decision, Side, Verdict

_SIDES = {"input": wire.SIDE_INPUT, "output": wire.SIDE_OUTPUT}
_ACTIONS: dict[int, Action] = {wire.Action.Value(f"ACTION_{name.upper()}"): name for name in get_args(Action)}


class EthicsScreener:
    """Implements ``ports.Screener``. A stream needs no round trip of its own: its first text opens it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = EthicsServiceStub(calls.peer.channel)

    def open(self, caller: Caller, route: str) -> "ScreenStream":
        return ScreenStream(self._calls, self._stub, caller, route)


class ScreenStream:
    """Implements ``ports.Screening``: every message is answered by one verdict."""

    def __init__(self, calls: Calls, stub: EthicsServiceStub, caller: Caller, route: str) -> None:
        self._requests: asyncio.Queue[wire.ScreenRequest | None] = asyncio.Queue()
        self._verdicts: AsyncGenerator[wire.ScreenResponse, None] = calls.stream(
            caller, stub.Screen, self._sent(), wire.ScreenResponse
        )
        self._route = route

    async def screen(self, side: Side, text: str, *, last: bool = False, again: bool = False) -> Verdict:
        route, self._route = self._route, ""
        self._requests.put_nowait(
            wire.ScreenRequest(side=_SIDES[side], text=text, last=last, again=again, route=route)
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


def _verdict(answer: wire.ScreenResponse, side: Side) -> Verdict:
    return Verdict(
        answer.allowed_until,
        tuple(_decision(each, side) for each in answer.decisions),
        answer.policy_name,
        answer.policy_version,
        tuple(answer.unscreened),
    )


def _decision(made: wire.Decision, side: Side) -> Decision:
    """An action that a newer service has, and this one does not know, refuses."""
    return Decision(
        side,
        made.rule,
        made.category,
        _ACTIONS.get(made.action, "refuse"),
        made.span.start,
        made.span.end,
        made.score,
        made.explanation,
        made.replacement,
        made.reason,
        made.guidance,
    )
