"""The engine tells an inference service that it is there, again and again, and at its end that it leaves."""

import asyncio

from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.errors import ColonnadeError, backoff
from colonnade.rpc import Peer
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_RENEWALS = 3
"""In the time of a lease: two may fail before it runs out."""
_TIMEOUT_SECONDS = 5.0
_FIRST_BACKOFF_SECONDS = 0.1
_MAX_BACKOFF_SECONDS = 2.0


class Registration:
    """At one inference service, under one address."""

    def __init__(self, inference: Peer, address: str) -> None:
        self._peer = inference
        self._stub = InferenceServiceStub(inference.channel)
        self._address = address
        self._known = False

    async def keep(self) -> None:
        """Registers, and renews at a third of the lease; until cancelled."""
        failures = 0
        while True:
            try:
                pause = await self.renew() / _RENEWALS
                failures = 0
            except ColonnadeError as error:
                self._lost(error)
                failures += 1
                pause = backoff(failures, first=_FIRST_BACKOFF_SECONDS, longest=_MAX_BACKOFF_SECONDS)
            await asyncio.sleep(pause)

    async def renew(self) -> float:
        """The seconds for which the engine is known from now on."""
        answer = await self._peer.unary(
            self._stub.Register,
            wire.RegisterRequest(address=self._address),
            wire.RegisterResponse,
            as_service=True,
            timeout=_TIMEOUT_SECONDS,
        )
        if not self._known:
            _LOG.info("registered", address=self._address, lease_seconds=answer.lease_seconds)
            self._known = True
        return answer.lease_seconds

    async def leave(self) -> None:
        """Gets no new requests from now on. Where the service cannot be told, the lease runs out."""
        try:
            await self._peer.unary(
                self._stub.Deregister,
                wire.DeregisterRequest(address=self._address),
                wire.DeregisterResponse,
                as_service=True,
                timeout=_TIMEOUT_SECONDS,
            )
        except ColonnadeError as error:
            _LOG.warning("not deregistered", code=error.code)

    def _lost(self, error: ColonnadeError) -> None:
        if self._known:
            _LOG.warning("registration lost", code=error.code, reason=error.message)
        self._known = False
