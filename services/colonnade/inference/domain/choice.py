"""Which engine takes a request."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence

from colonnade.inference.domain.engines import EngineView, Run
from colonnade.inference.domain.work import Work

AFFINITY_SLACK_TOKENS = 1024
"""How much busier than the idlest an engine may be and still keep its sessions and beginnings."""

Matched = Callable[[Run], int]
"""How many blocks of a request's beginning a process has served."""


def choose(
    engines: Iterable[EngineView],
    work: Work,
    tried: Collection[Run] = (),
    *,
    matched: Matched = lambda _: 0,
    slack: int = AFFINITY_SLACK_TOKENS,
) -> EngineView | None:
    """The engine for a request, of those that have the version, else of those that are loading it: the one
    that served its beginning, else its session's home, else the least busy. Where none has the version, the
    one with the most free memory. None where no ready engine is left that was not ``tried``.

    An engine that is more than ``slack`` tokens busier than the idlest gets nothing for old times' sake."""
    ready = [engine for engine in engines if engine.ready and engine.run not in tried]
    near = having(ready, work.digest)
    if near:
        return _favourite(near, work, matched, slack)
    return max(ready, key=lambda engine: (engine.free_bytes, -engine.outstanding_tokens), default=None)


def having(engines: Iterable[EngineView], digest: str) -> Sequence[EngineView]:
    """Those that have the version; if there are none, those that are loading it."""
    known = list(engines)
    there = [engine for engine in known if engine.has(digest)]
    return there or [engine for engine in known if digest in engine.loading]


def _favourite(engines: Sequence[EngineView], work: Work, matched: Matched, slack: int) -> EngineView:
    idlest = min(engines, key=lambda engine: engine.outstanding_tokens)
    if len(engines) == 1 or not (work.session or work.prefix):
        return idlest
    near = [engine for engine in engines if engine.outstanding_tokens <= idlest.outstanding_tokens + slack]
    home = _home(engines, work) if work.session else None

    def merit(engine: EngineView) -> tuple[int, bool, int]:
        blocks = matched(engine.run) if work.prefix else 0
        return blocks, engine is home, -engine.outstanding_tokens

    return max(near, key=merit)


def _home(engines: Sequence[EngineView], work: Work) -> EngineView:
    """The same engine for the same session, as long as it is there (rendezvous hashing)."""

    def draw(engine: EngineView) -> bytes:
        return hashlib.sha256(f"{work.session}\0{engine.address}".encode()).digest()

    return max(engines, key=draw)
