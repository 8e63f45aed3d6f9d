"""What an engine does for its callers, seen from asyncio: generate, score, embed, abort. ``host`` loads and
unloads.

Encoding runs in threads beside the event loop, the model in the core's own (``loop``).
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator
from collections.abc import Sequence as Row

from opentelemetry.trace import Span

from colonnade.engine.core import Core
from colonnade.engine.delivery import Chunk, Mailbox
from colonnade.engine.embedding import Embedded, Embedding
from colonnade.engine.loop import Loop
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.models import ModelHost
from colonnade.engine.requests import Generation, sequence_of
from colonnade.engine.runtime import Runtime
from colonnade.engine.scoring import Scored, Scoring
from colonnade.engine.sequence import Finish, FinishReason, Sequence, Update
from colonnade.engine.tracing import phases
from colonnade.engine.whole import WholeAnswers
from colonnade.errors import ColonnadeError
from colonnade.telemetry.propagation import span


class Engine:
    """Belongs to one event loop; ``start`` and ``close`` it there."""

    def __init__(self, core: Core, host: ModelHost, metrics: EngineMetrics, *, threads: int) -> None:
        self.core, self.host, self.metrics = core, host, metrics
        self.instance = uuid.uuid4().hex
        self._open: dict[int, tuple[Sequence, Mailbox]] = {}
        self._whole = WholeAnswers(core, host, metrics, self._run)
        self._loop = Loop(core, self._from_core, threads, metrics.batch)
        self._asyncio: asyncio.AbstractEventLoop | None = None
        self._all_ended = asyncio.Event()
        self._all_ended.set()

    def start(self) -> None:
        self._asyncio = asyncio.get_running_loop()
        self.metrics.watch(self.core, lambda: self.host.used_bytes)
        self._loop.start()

    async def drain(self, seconds: float) -> bool:
        """Refuses new requests and waits for those under way; whether all ended in time."""
        self.core.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_ended.wait(), seconds)
        return self._all_ended.is_set()

    async def close(self) -> None:
        """Ends the core's thread; requests still under way fail as unavailable."""
        self.core.drain()
        await self.host.close()
        await asyncio.to_thread(self._loop.stop)

    async def generate(self, asked: Generation) -> AsyncGenerator[Chunk, None]:
        """The answer in chunks, the last with its finish. Leaving the iteration cancels the request."""
        runtime = self.host.find(asked.digest)
        self.host.adapters.touch(asked.adapter)
        model, began = runtime.ref.name, self.core.clock()
        attributes = {"gen_ai.operation.name": asked.operation, "gen_ai.request.model": model}
        sequence: Sequence | None = None
        finish: Finish | None = None
        with span("engine.submit", attributes=attributes) as active:
            try:
                self.core.check_room()
                sequence = await asyncio.to_thread(sequence_of, asked, runtime, began)
                async with contextlib.aclosing(self._run(sequence)) as chunks:
                    async for chunk in chunks:
                        if chunk.finish:
                            finish = chunk.finish
                            self.metrics.finished(asked.operation, model, finish)
                            phases(active, finish)
                        yield chunk
            except ColonnadeError as error:
                self.metrics.refused(asked.operation, model, error.code, self.core.clock() - began)
                raise
            except (GeneratorExit, asyncio.CancelledError):
                if finish is None:  # nobody reads how it ended, but it was work
                    self._abandoned(asked, model, sequence, began, active)
                raise

    def _abandoned(
        self, asked: Generation, model: str, sequence: Sequence | None, began: float, active: Span
    ) -> None:
        """Counts a request whose caller left before its end; None where it was not even encoded."""
        now = self.core.clock()
        if sequence is None:
            self.metrics.refused(asked.operation, model, FinishReason.CANCELLED, now - began)
            return
        finish = sequence.finish(FinishReason.CANCELLED, now)
        self.metrics.finished(asked.operation, model, finish)
        phases(active, finish)

    async def score(self, asked: Scoring) -> Scored:
        """The tokens of texts with their logprobs."""
        return await self._whole.score(asked)

    async def embed(self, asked: Embedding) -> Embedded:
        """A vector for each text."""
        return await self._whole.embed(asked)

    def abort(self, tenant: str, request_id: str) -> bool:
        """Ends a tenant's requests of this id as cancelled; whether there were any."""
        found = [
            sequence
            for sequence, _ in self._open.values()
            if sequence.work.request_id == request_id and sequence.work.tenant == tenant
        ]
        self.core.abort(*found)
        return bool(found)

    def requests_of(self, runtime: Runtime) -> tuple[int, int]:
        """How many of a model's requests run and wait."""
        mine = [sequence for sequence, _ in self._open.values() if sequence.runtime is runtime]
        running = sum(sequence.running for sequence in mine)
        return running, len(mine) - running

    async def _run(self, sequence: Sequence) -> AsyncGenerator[Chunk, None]:
        mailbox = Mailbox()
        self._open[sequence.handle] = (sequence, mailbox)
        self._all_ended.clear()
        try:
            self.core.submit(sequence)
            async with contextlib.aclosing(mailbox.read()) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            del self._open[sequence.handle]
            if not self._open:
                self._all_ended.set()
            if not mailbox.ended:
                self.core.abort(sequence)

    def _from_core(self, updates: Row[Update]) -> None:
        """Called in the core's thread, once a step."""
        assert self._asyncio is not None, "the engine was started"
        self._asyncio.call_soon_threadsafe(self._post, updates)

    def _post(self, updates: Row[Update]) -> None:
        for update in updates:
            if update.sequence.handle in self._open:
                self._open[update.sequence.handle][1].put(update)
