"""Who is signed in. Keys and sessions are in this process's memory alone: they end with it."""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from colonnade.client import AsyncColonnade, Identity
from colonnade.errors import Overloaded, Unauthenticated

_ID_BYTES = 32
_MINUTE = 60.0
_ALL_TOGETHER = 20
_MAX_ADDRESSES = 10_000


@dataclass(slots=True, eq=False)
class Session:
    """A browser that may speak to the gateway with one key, or with none where the gateway is open."""

    id: str = field(repr=False)
    client: AsyncColonnade = field(repr=False)
    identity: Identity
    """As the gateway said last."""
    expires: float
    """By the clock of ``Sessions``."""
    ended: bool = False


class Sessions:
    """At most ``limit`` of them, each for ``seconds``."""

    def __init__(self, seconds: float, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._limit = limit
        self._clock = clock
        self._by_id: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    async def begin(self, client: AsyncColonnade, identity: Identity) -> Session:
        await self.sweep()
        if len(self._by_id) >= self._limit:
            await self.end(next(iter(self._by_id.values())))  # all live equally long: the oldest ends first
        session = Session(secrets.token_urlsafe(_ID_BYTES), client, identity, self._clock() + self._seconds)
        self._by_id[session.id] = session
        return session

    def find(self, id_: str) -> Session | None:
        """None where there is none, or no longer."""
        session = self._by_id.get(id_)
        return session if session is not None and self.alive(session) else None

    def alive(self, session: Session) -> bool:
        return not session.ended and self._clock() < session.expires

    async def end(self, session: Session) -> None:
        """Safe to call twice. Cancels what still streams for it."""
        self._by_id.pop(session.id, None)
        if not session.ended:
            session.ended = True
            await session.client.aclose()

    async def sweep(self) -> None:
        """Ends what has expired, so that no key is held longer than its session."""
        for session in [each for each in self._by_id.values() if not self.alive(each)]:
            await self.end(session)

    async def close(self) -> None:
        for session in list(self._by_id.values()):
            await self.end(session)


class Attempts:
    """Counts wrong keys: so many a minute from one address, and not many more from all of them."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._of: dict[str, deque[float]] = {}
        self._all: deque[float] = deque()

    def wait_seconds(self, address: str) -> float:
        """0 where another try is allowed."""
        return max(
            self._wait(self._of.get(address, deque()), self._per_minute),
            self._wait(self._all, self._per_minute * _ALL_TOGETHER),
        )

    @contextmanager
    def trying(self, address: str) -> Iterator[None]:
        """Counts a try from its start, so that many at once are no more than one after another; what was no
        wrong key is taken back. Raises ``Overloaded`` where there were too many."""
        if seconds := self.wait_seconds(address):
            raise Overloaded(f"Too many wrong keys. Try again in {seconds:.0f} seconds.")
        self._count(address)
        wrong = False
        try:
            yield
        except Unauthenticated:
            wrong = True
            raise
        finally:
            if not wrong:
                self._all.pop()
                self._of[address].pop()

    def _count(self, address: str) -> None:
        now = self._clock()
        if len(self._of) >= _MAX_ADDRESSES:
            self._of = {key: tries for key, tries in self._of.items() if tries and tries[-1] > now - _MINUTE}
        self._of.setdefault(address, deque(maxlen=self._per_minute)).append(now)
        self._all.append(now)

    def _wait(self, tries: deque[float], limit: int) -> float:
        now = self._clock()
        while tries and tries[0] <= now - _MINUTE:
            tries.popleft()
        return tries[0] + _MINUTE - now if len(tries) >= limit else 0.0
