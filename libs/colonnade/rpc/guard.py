"""The one interceptor in front of every method: identity, access, tracing, logging, errors."""

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, NoReturn

import grpc

from colonnade.errors import ColonnadeError, Internal, PermissionDenied, Unauthenticated
from colonnade.rpc.context import CallContext, bound
from colonnade.rpc.faults import to_wire
from colonnade.security.identity import Role
from colonnade.security.tokens import TokenVerifier
from colonnade.telemetry import bind_request, extract, get_logger, span

_LOG = get_logger(__name__)
_OPEN_PREFIX = "/grpc.health.v1.Health/"
_REFLECTION_PREFIX = "/grpc.reflection."
_REFLECTION_ROLES = frozenset({Role.ADMIN, Role.OPERATOR})
_BACKGROUND_ROLES = frozenset({Role.SERVICE})
_Context = grpc.aio.ServicerContext[Any, Any]


class Guard(grpc.aio.ServerInterceptor):
    """Lets a call pass if its method is listed for one of the caller's roles; denies everything else."""

    def __init__(self, rpcs: Mapping[str, frozenset[Role]], verifier: TokenVerifier) -> None:
        self._rpcs = rpcs
        self._verifier = verifier

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = str(handler_call_details.method)
        if handler is None or method.startswith(_OPEN_PREFIX):
            return handler
        return self._guarded(handler, method)

    def _guarded(self, handler: Any, method: str) -> Any:
        """The same handler behind the guard. Unary servicers are coroutines, streaming ones generators.

        The stream is written rather than yielded, so that a cancelled call ends the servicer's generator at
        once and in its own context, wherever it is.
        """

        async def unary(request: Any, context: _Context) -> Any:
            async with self._call(method, context):
                return await inner(request, context)

        async def stream(request: Any, context: _Context) -> None:
            async with self._call(method, context), aclosing(inner(request, context)) as responses:
                async for response in responses:
                    await context.write(response)

        inner = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        kind = (
            "stream" if handler.request_streaming else "unary",
            "stream" if handler.response_streaming else "unary",
        )
        wrap = getattr(grpc, f"{kind[0]}_{kind[1]}_rpc_method_handler")
        behaviour = stream if handler.response_streaming else unary
        return wrap(behaviour, handler.request_deserializer, handler.response_serializer)

    @asynccontextmanager
    async def _call(self, method: str, context: _Context) -> AsyncIterator[None]:
        metadata = {
            key: str(value) for key, value in context.invocation_metadata() or () if isinstance(value, str)
        }
        request_id = metadata.get("x-request-id") or uuid.uuid4().hex
        try:
            with (
                bind_request(request_id),
                span(method, "server", context=extract(metadata)),
                _recorded(method),
                bound(self._admit(method, metadata, request_id, context)) as call,
                _timed(method, call),
            ):
                yield
        except ColonnadeError as error:
            await _abort(context, error)

    def _admit(
        self, method: str, metadata: Mapping[str, str], request_id: str, context: _Context
    ) -> CallContext:
        scheme, _, token = metadata.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Unauthenticated(
                "the call carries no identity; metadata `authorization: Bearer <token>` is missing"
            )
        principal = self._verifier.verify(token)
        allowed = (
            _REFLECTION_ROLES
            if method.startswith(_REFLECTION_PREFIX)
            else self._rpcs.get(method, frozenset())
        )
        if not principal.has_any(allowed):
            raise PermissionDenied(
                f"none of the caller's roles may call {method.rsplit('/', 1)[-1]}", method=method
            )
        remaining = context.time_remaining()
        deadline = None if remaining is None else time.monotonic() + remaining
        return CallContext(principal, token, request_id, deadline)


@contextmanager
def _recorded(method: str) -> Iterator[None]:
    """Logs what went wrong; what is no refusal leaves as ``Internal``, its traceback in the log alone."""
    try:
        yield
    except ColonnadeError as error:
        _LOG.info("refused", method=method, code=error.code, message=error.message)
        raise
    except grpc.aio.AbortError:  # health and reflection answer for themselves
        raise
    except Exception:
        _LOG.exception("failed", method=method)
        raise Internal.hidden() from None


@contextmanager
def _timed(method: str, call: CallContext) -> Iterator[None]:
    """One line for each call that somebody stands behind; what services do for themselves is debugging."""
    started = time.monotonic()
    outcome = "broken off"
    try:
        yield
        outcome = "served"
    finally:
        write = _LOG.debug if call.principal.has_any(_BACKGROUND_ROLES) else _LOG.info
        write("ended", method=method, outcome=outcome, seconds=round(time.monotonic() - started, 6))


async def _abort(context: _Context, error: ColonnadeError) -> NoReturn:
    status, message, trailing = to_wire(error)
    await context.abort(status, message, trailing_metadata=trailing)
