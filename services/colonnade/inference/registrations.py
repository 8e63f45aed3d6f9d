"""Engines that register themselves: in the fleet until their lease runs out."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Collection

from colonnade.errors import InvalidArgument
from colonnade.inference.domain.leases import Leases
from colonnade.inference.placement import Placement
from colonnade.inference.ports import Engine
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_MAX_ADDRESS = 255
_ADDRESS = re.compile(r"unix:/[\x21-\x7e]+|[A-Za-z0-9._-]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")
"""A socket's path, or a host and a port: no other kind of gRPC target."""


class Registrations:
    def __init__(
        self,
        placement: Placement,
        leases: Leases,
        connect: Callable[[str], Engine],
        static: Collection[str] = (),
    ) -> None:
        """``static`` engines stand in the settings: they stay, whatever becomes of a lease."""
        self._placement = placement
        self._leases = leases
        self._connect = connect
        self._static = frozenset(static)
        self._changed = asyncio.Event()

    def register(self, address: str, seconds: float) -> float:
        """Takes an engine in, or renews its lease; the seconds that are granted."""
        _check(address, seconds)
        granted = self._leases.grant(address, seconds)
        if address not in self._placement.fleet:
            _LOG.info("engine registered", engine=address, lease_seconds=granted)
            self._placement.fleet.join(self._connect(address))
        self._told()
        return granted

    def deregister(self, address: str) -> bool:
        """Whether there was a lease."""
        found = self._leases.end(address)
        if found:
            self._out(address, "deregistered")
        self._told()
        return found

    async def run(self) -> None:
        """Ends leases in time, until cancelled."""
        while True:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._leases.until_next())
            self.sweep()

    def sweep(self) -> None:
        """Takes out those whose lease has run out."""
        for address in self._leases.expired():
            self._out(address, "lease ran out")
        self._placement.metrics.leased(len(self._leases))

    def _out(self, address: str, why: str) -> None:
        _LOG.info("engine left", engine=address, why=why)
        if address not in self._static and address in self._placement.fleet:
            self._placement.fleet.leave(address)
            self._placement.forget(address)

    def _told(self) -> None:
        self._placement.metrics.leased(len(self._leases))
        self._changed.set()


def _check(address: str, seconds: float) -> None:
    if len(address) > _MAX_ADDRESS or not _ADDRESS.fullmatch(address):
        raise InvalidArgument(
            f'address must be "host:port" or "unix:/path", at most {_MAX_ADDRESS} characters',
            field="address",
            limit=_MAX_ADDRESS,
        )
    if not 0 <= seconds < float("inf"):
        raise InvalidArgument("lease_seconds must be 0 or more", field="lease_seconds", limit=0)
