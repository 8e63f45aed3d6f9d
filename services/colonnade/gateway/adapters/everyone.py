"""Every inference service behind one target: a call goes to one of them, and some things must reach all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.errors import ColonnadeError, Unavailable
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.rpc import Identity, Peer, every_address
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_SECONDS = 5.0
_T = TypeVar("_T")
_Method = Callable[[InferenceServiceStub], Callable[..., Any]]


class Everyone:
    def __init__(self, target: str, identity: Identity) -> None:
        """``target``: where gRPC finds the inference services, however many they are."""
        self._target, self._identity = target, identity

    async def asked(
        self, caller: Caller, method: _Method, request: Any, kind: type[_T], seconds: float = _SECONDS
    ) -> Sequence[_T]:
        """Everyone's answer. ``Unavailable`` where one is missing, though the others have done it."""
        answers, of = await self.reached(caller, method, request, kind, seconds)
        if missing := of - len(answers):
            raise Unavailable(
                f"{missing} of {of} inference services did not answer; try again", retry_after_seconds=1
            )
        return answers

    async def reached(
        self, caller: Caller, method: _Method, request: Any, kind: type[_T], seconds: float = _SECONDS
    ) -> tuple[Sequence[_T], int]:
        """The answers of those that answered, and how many there are. Raises the refusal of the only one."""

        async def one(address: str) -> _T:
            async with Peer("inference", address, self._identity) as peer:
                rpc = method(InferenceServiceStub(peer.channel))
                return await Calls(peer, self._identity).unary(caller, rpc, request, kind, seconds)

        addresses = await every_address(self._target)
        if len(addresses) == 1:
            return [await one(addresses[0])], 1
        found = await asyncio.gather(*map(one, addresses), return_exceptions=True)
        for address, answer in zip(addresses, found, strict=True):
            if isinstance(answer, ColonnadeError):
                _LOG.warning("an inference service was not reached", address=address, code=answer.code)
            elif isinstance(answer, BaseException):
                raise answer
        return [each for each in found if isinstance(each, kind)], len(addresses)
