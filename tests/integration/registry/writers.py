"""The warm parent of a kill drill: ``writers.py HOME COUNT SEED`` forks writers and kills each one.

A process of its own, because forking wants one without threads. Each child puts blobs, registers a version
and moves an alias that all share, and tells the parent after each step: what it has told is acknowledged.
The parent draws one of the steps for each child, and a moment within the time that this step has lately
taken, and sends SIGKILL then. One child in 25 is left to end, so that the times are those of whole steps.
Prints one JSON object.
"""

import asyncio
import gc
import hashlib
import json
import os
import random
import selectors
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.domain import Artefact, Content, Draft, Target
from colonnade.storage.blobs import LocalBlobStore
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url

MODELS = 100
"""So many that many a registration makes its model; all share one database, and so one lock."""
FILES = 2
_AT_ONCE = 3
_STAGES = ("begun", "stored", "registered")  # what a child has told last while a step is under way
_SPARED = 25


@dataclass
class Writer:
    """What the parent knows of one child. ``told`` maps the stages it has told to their results."""

    number: int
    pid: int
    told: dict[str, int] = field(default_factory=dict)
    killed: bool = False
    told_at: float = 0.0
    target: str = ""
    """The child is killed some time after it has told this; never, if empty."""
    kill_at: float = float("inf")


def model_of(number: int) -> str:
    return f"m{number % MODELS}"


def payloads(number: int) -> dict[str, bytes]:
    """The files of a writer's version; large enough that a kill can hit the middle of one."""
    generator = random.Random(number)
    return {f"part-{part}.safetensors": generator.randbytes(300_000) for part in range(FILES)}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def write(home: Path, number: int, pipe: int) -> None:
    """One whole write, from files to alias."""

    def tell(stage: str, result: int = 0) -> None:
        os.write(pipe, f"{stage} {result}\n".encode())

    files = payloads(number)
    database = Database(sqlite_url(home / "registry.db"), busy_seconds=60)
    store, blobs = SqlVersionStore(database), LocalBlobStore(home / "blobs")
    tell("begun")
    artefacts = []
    for path, content in files.items():
        blob = await blobs.put_bytes(content)
        artefacts.append(Artefact(path, blob.digest, blob.size_bytes))
    tell("stored")
    made = Content.of(family="transformer", parameters=1, size="1M", context_length=1, artefacts=artefacts)
    name, now = model_of(number), datetime.now(UTC)
    draft = Draft(name, made, str(number), "", "", now, "drill/writer")
    version = (await store.register(draft, alias="")).manifest.version
    tell("registered", version)
    moved = await store.move_alias(
        name, "canary", [Target(version, 100)], expected_revision=None, by=str(number), at=now
    )
    tell("moved", moved.revision)
    await database.close()


def fork(home: Path, number: int) -> tuple[Writer, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            asyncio.run(write(home, number, writing))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    return Writer(number, pid), reading


class Drill:
    def __init__(self, home: Path, count: int, seed: int) -> None:
        self.home = home
        self.waiting = list(range(1, count + 1))
        self.random = random.Random(seed)
        self.selector = selectors.DefaultSelector()
        self.buffers: dict[int, bytes] = {}
        self.finished: list[Writer] = []
        self.durations = {stage: deque([0.05], maxlen=20) for stage in _STAGES}

    def run(self) -> list[Writer]:
        while self.waiting or self.buffers:
            while self.waiting and len(self.buffers) < _AT_ONCE:
                self._start(self.waiting.pop(0))
            self._turn()
        return self.finished

    def _start(self, number: int) -> None:
        writer, pipe = fork(self.home, number)
        writer.target = self.random.choice(_STAGES) if number % _SPARED else ""
        self.buffers[pipe] = b""
        self.selector.register(pipe, selectors.EVENT_READ, writer)

    def _turn(self) -> None:
        """Waits for words or for the next kill, whichever comes first."""
        writers = [key.data for key in self.selector.get_map().values()]
        soonest = min(writer.kill_at for writer in writers)
        wait = None if soonest == float("inf") else max(0.0, soonest - time.monotonic())
        for key, _ in self.selector.select(wait):
            self._read(int(key.fd), key.data)
        now = time.monotonic()
        for writer in writers:
            if writer.kill_at <= now:
                os.kill(writer.pid, signal.SIGKILL)
                writer.kill_at = float("inf")

    def _read(self, pipe: int, writer: Writer) -> None:
        data = os.read(pipe, 4096)
        if not data:
            self._end(pipe, writer)
            return
        *lines, self.buffers[pipe] = (self.buffers[pipe] + data).split(b"\n")
        for line in lines:
            stage, result = line.decode().split()
            self._note(writer, stage, time.monotonic())
            writer.told[stage] = int(result)

    def _note(self, writer: Writer, stage: str, now: float) -> None:
        if writer.told:
            self.durations[list(writer.told)[-1]].append(now - writer.told_at)
        writer.told_at = now
        if stage == writer.target:
            writer.kill_at = now + self.random.uniform(0, 1.2 * median(self.durations[stage]))

    def _end(self, pipe: int, writer: Writer) -> None:
        self.selector.unregister(pipe)
        os.close(pipe)
        del self.buffers[pipe]
        _, status = os.waitpid(writer.pid, 0)
        writer.kill_at = float("inf")  # from here on its number may be someone else's
        writer.killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if not writer.killed and status != 0:
            raise SystemExit(f"writer {writer.number} failed by itself: {status}")
        self.finished.append(writer)


async def prepare(home: Path) -> None:
    database = Database(sqlite_url(home / "registry.db"))
    await migrate(database, "colonnade.registry")
    await database.close()


def warm_up() -> None:
    """One whole write elsewhere, so that the children find everything imported and compiled."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(prepare(Path(name)))
        asyncio.run(write(Path(name), 0, os.open(os.devnull, os.O_WRONLY)))
    assert threading.active_count() == 1, "forking wants a process of one thread"


def main() -> None:
    home, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    warm_up()
    asyncio.run(prepare(home))
    gc.freeze()
    started = time.monotonic()
    writers = Drill(home, count, seed).run()
    report: dict[str, Any] = {
        "seconds": time.monotonic() - started,
        "writers": [
            {key: value for key, value in asdict(writer).items() if key in ("number", "told", "killed")}
            for writer in writers
        ],
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
