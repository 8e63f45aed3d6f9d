"""Calls to a neighbour on behalf of a caller."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from colonnade.gateway.domain.exchange import Caller
from colonnade.rpc import CallContext, Identity, Peer, bound
from colonnade.telemetry import span

_Response = TypeVar("_Response")


class Calls:
    """A peer that is told who asks: the caller's principal as a token, the request id, the deadline."""

    def __init__(self, peer: Peer, identity: Identity) -> None:
        self.peer = peer
        self.identity = identity

    async def unary(
        self,
        caller: Caller,
        method: Callable[..., Any],
        request: Any,
        response_type: type[_Response],
        seconds: float | None = None,
    ) -> _Response:
        with bound(self._context(caller)):
            return await self.peer.unary(method, request, response_type, timeout=seconds)

    async def stream(
        self, caller: Caller, method: Callable[..., Any], request: Any, response_type: type[_Response]
    ) -> AsyncGenerator[_Response, None]:
        """Closing the iterator cancels the call at once."""
        responses: AsyncGenerator[_Response, None] = self.peer.stream(method, request, response_type)
        async with aclosing(responses):
            # The peer reads the context as it starts. Not longer: a generator may be closed in another task.
            with bound(self._context(caller)), span(f"{self.peer.service} first message", "client"):
                first = await anext(responses, None)
            if first is not None:
                yield first
            async for response in responses:
                yield response

    def _context(self, caller: Caller) -> CallContext:
        token = self.identity.token(caller.principal)
        return CallContext(caller.principal, token, caller.request_id, caller.deadline)
