"""What the engine's service needs of whatever computes: ours (``core``, ``loop``, ``models``), or another.

Everything a caller can notice is on this side of it: limits, seeds, text, stop strings, deadlines, delivery
and counts. Behind it are sequences that get their tokens.
"""

from collections.abc import AsyncGenerator, Callable
from collections.abc import Sequence as Row
from typing import Protocol

from colonnade.engine.artefacts import Manifest
from colonnade.engine.core import Load
from colonnade.engine.loading import Progress
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from colonnade.engine.seals import Seals
from colonnade.engine.sequence import Sequence, Update

Deliver = Callable[[Row[Update]], None]
Observe = Callable[[int], None]


class Runner(Protocol):
    """Has sequences answered. What becomes of them goes to the ``Deliver`` that its driver was given."""

    @property
    def limits(self) -> Limits: ...
    @property
    def draining(self) -> bool: ...
    @property
    def clock(self) -> Callable[[], float]: ...

    def check_room(self) -> None:
        """Raises what ``submit`` would for any request: worth asking before a long text is encoded."""
        ...

    def submit(self, sequence: Sequence) -> None:
        """Queues a request. Raises ``Unavailable``, ``NotFound``, ``Overloaded`` or ``TooLarge``."""
        ...

    def abort(self, *sequences: Sequence) -> None:
        """Has requests dropped soon; they finish as cancelled."""
        ...

    def drain(self) -> None:
        """Refuses new requests from now on."""
        ...

    def load(self) -> Load: ...


class Driver(Protocol):
    """Makes a runner run."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """Ends what still waits or runs as unavailable. Called in a thread."""
        ...


class Drive(Protocol):
    def __call__(self, deliver: Deliver, *, observe: Observe) -> Driver:
        """``deliver`` may be called in any thread; ``observe`` hears how many sequences a forward had."""
        ...


class Adapters(Protocol):
    def touch(self, digest: str) -> None:
        """Counts as used now, if it is loaded."""
        ...

    async def load(self, runtime: Runtime, manifest: Manifest) -> None:
        """Has an adapter in memory when it returns. Raises what does not fit, or has no room."""
        ...

    def unload(self, digest: str) -> bool:
        """Frees an adapter; False if it is not loaded. Raises ``Conflict`` while requests use it."""
        ...


class Host(Protocol):
    """The loaded models."""

    @property
    def memory_bytes(self) -> int:
        """What the weights of all models may take."""
        ...

    @property
    def used_bytes(self) -> int: ...
    @property
    def loaded(self) -> list[Runtime]: ...
    @property
    def adapters(self) -> Adapters: ...
    @property
    def seals(self) -> Seals: ...
    @property
    def draft(self) -> str:
        """The digest of the version that guesses for others; empty if none does."""
        ...

    def find(self, digest: str) -> Runtime:
        """A loaded model, which counts as used now. Raises ``NotFound``."""
        ...

    def load(self, manifest: Manifest) -> AsyncGenerator[Progress, None]:
        """Loads a version if it is not loaded, to the stage ``ready``. Raises what the load raises."""
        ...

    def unload(self, digest: str) -> bool:
        """Frees a model; False if it is not loaded. Raises ``Conflict`` while requests use it."""
        ...

    async def close(self) -> None: ...
