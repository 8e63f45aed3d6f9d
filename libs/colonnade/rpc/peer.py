"""Calls to another service: identity, request id, trace and deadline go along, errors come back as raised."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from colonnade.rpc.context import current_or_none
from colonnade.rpc.faults import from_wire
from colonnade.security.identity import Principal
from colonnade.security.tokens import TokenMinter, load_or_create_key
from colonnade.telemetry.propagation import inject, span

_Response = TypeVar("_Response")
MAX_MESSAGE_BYTES = 16 * 1024 * 1024

_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),  # a restarted neighbour is found within a second
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.lb_policy_name", "round_robin"),  # of several processes behind one name each has its share
]


class Identity:
    """This process's own name and key: what it says where no caller stands behind a call."""

    def __init__(self, service: str, folder: Path) -> None:
        self.principal = Principal.service(service)
        self.key = load_or_create_key(folder)
        self._minter = TokenMinter(self.key)

    def token(self, principal: Principal | None = None) -> str:
        """A token for ``principal``; for the service itself by default."""
        return self._minter.mint(principal or self.principal)


class Peer:
    """One other service. Close it, or use it as an async context manager."""

    def __init__(self, service: str, address: str, identity: Identity) -> None:
        self.service = service
        self.address = address
        self.channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._identity = identity

    async def unary(
        self,
        method: Callable[..., Any],
        request: Any,
        response_type: type[_Response],
        *,
        as_service: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - gRPC sends it along as the call's deadline
    ) -> _Response:
        """Calls ``stub.Method``. Raises the ``ColonnadeError`` that the peer raised."""
        metadata, limit = self._outgoing(as_service, timeout)
        with span(f"{self.service} call", "client"):
            try:
                response = await method(request, metadata=metadata + inject(), timeout=limit)
            except grpc.aio.AioRpcError as error:
                raise from_wire(error, self.service) from None
        if not isinstance(response, response_type):
            raise TypeError(
                f"{self.service} answered {type(response).__name__}, not {response_type.__name__}"
            )
        return response

    async def stream(
        self,
        method: Callable[..., Any],
        request: Any,
        response_type: type[_Response],
        *,
        as_service: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncGenerator[_Response]:
        """Iterates over a server stream; leaving the iteration cancels the call.

        Close the iterator (``contextlib.aclosing``) where it may be left early.
        """
        metadata, limit = self._outgoing(as_service, timeout)
        call = method(request, metadata=metadata + inject(), timeout=limit)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise from_wire(error, self.service) from None
        finally:
            call.cancel()  # does nothing to a call that has ended

    async def close(self) -> None:
        await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _outgoing(
        self, as_service: bool, timeout: float | None
    ) -> tuple[list[tuple[str, str]], float | None]:
        call = current_or_none()
        token = self._identity.token() if as_service or call is None else call.token
        metadata = [("authorization", f"Bearer {token}")]
        if call is None:
            return metadata, timeout
        metadata.append(("x-request-id", call.request_id))
        limits = [limit for limit in (timeout, None if as_service else call.remaining()) if limit is not None]
        return metadata, min(limits, default=None)
