"""Policies on record, and what is assigned to routes. Pure."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime

from colonnade.errors import Conflict, InvalidArgument

EVERY_ROUTE = "*"
DEFAULT = "default"
RESERVED = frozenset({"test"})
"""Of the public interface: no policy is called so."""
_ROUTE = re.compile(r"/[A-Za-z0-9/_.{}-]{1,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """One version of a policy."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    tenant: str
    named: Named
    created_at: datetime | None
    """None: it came with the platform."""
    by: str
    """Empty: the platform, or somebody who was erased."""
    source: str


@dataclass(frozen=True, slots=True)
class State:
    """What holds on a route."""

    policy: Named | None = None
    """None: what holds on every route."""
    candidate: Named | None = None
    share: int = 0
    """Percent of the requests that the candidate judges, 1 to 99; 0 without one."""
    shadow: Named | None = None
    """Judges too, is recorded, and decides nothing."""


@dataclass(frozen=True, slots=True)
class Assignment:
    tenant: str
    route: str
    state: State
    revision: int
    """Grows by one with each change of the route; 0: nothing was assigned yet."""
    before: int
    """The revision whose state taking back restores; 0: nothing."""
    at: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """An assignment that somebody asks for."""

    route: str
    named: Named
    share: int = 100
    shadow: bool = False

    def __post_init__(self) -> None:
        check_route(self.route)
        if not 0 <= self.share <= 100:
            raise InvalidArgument("share must be from 0 to 100 percent", field="share", limit=100)
        if self.shadow and self.share not in (0, 100):
            raise InvalidArgument(
                "a shadow judges all requests or none; leave share out, or make it 0", field="share"
            )

    def applied(self, state: State) -> State:
        """Raises ``Conflict`` where there is nothing that a share of 0 would end."""
        if self.share == 0:
            return self._ended(state)
        if self.shadow:
            return replace(state, shadow=self.named)
        if self.share == 100:
            return replace(state, policy=self.named, candidate=None, share=0)
        return replace(state, candidate=self.named, share=self.share)

    def _ended(self, state: State) -> State:
        what = "shadow" if self.shadow else "candidate"
        if getattr(state, what) != self.named:
            raise Conflict(f"{self.named.name} in this version is not the {what} on this route", field="name")
        return replace(state, shadow=None) if self.shadow else replace(state, candidate=None, share=0)


@dataclass(frozen=True, slots=True)
class ArmKey:
    """What is counted together: the requests that one side of an assignment judged."""

    tenant: str
    route: str
    revision: int
    candidate: bool


@dataclass(frozen=True, slots=True)
class Counts:
    requests: int = 0
    refused: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.requests + other.requests, self.refused + other.refused)


def check_route(route: str) -> str:
    if route == EVERY_ROUTE or _ROUTE.fullmatch(route):
        return route
    raise InvalidArgument(
        'route must be a path as the API has it, such as /generate, or "*" for all', field="route"
    )


def path_of(route: str) -> str:
    """Without a method before it: ``POST /generate`` is ``/generate``."""
    return route.rpartition(" ")[2]


def drawn(route: str, request_id: str, share: int) -> bool:
    """Whether a request is among the ``share`` percent: always the same for one request, and those of a
    smaller share are among those of a larger one."""
    number = int.from_bytes(hashlib.sha256(f"{route}\0{request_id}".encode()).digest()[:8])
    return number % 10_000 < share * 100
