"""What an engine does for its callers, seen from asyncio: generate, score, embed, tokenize, abort.
``host`` loads and unloads.

Encoding runs in threads beside the event loop; where the model runs is its driver's business (``ports``).
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator
from collections.abc import Sequence as Row

from opentelemetry.trace import Span

from colonnade.engine.answers import counted, together
from colonnade.engine.delivery import Chunk, Mailbox
from colonnade.engine.embedding import Embedded, Embedding
from colonnade.engine.faults import FaultWatch
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.ports import Drive, Host, Runner
from colonnade.engine.requests import Generation, sequences_of
from colonnade.engine.runtime import Runtime
from colonnade.engine.scoring import Scored, Scoring
from colonnade.engine.sequence import Finish, FinishReason, Sequence, Update
from colonnade.engine.tokens import Tokenized, Tokenizing, detokenized, tokenized
from colonnade.engine.tracing import phases
from colonnade.engine.whole import WholeAnswers
from colonnade.errors import ColonnadeError
from colonnade.telemetry.propagation import span


class Engine:
    """Belongs to one event loop; ``start`` and ``close`` it there."""

    def __init__(
        self,
        core: Runner,
        host: Host,
        metrics: EngineMetrics,
        *,
        drive: Drive,
        faults: FaultWatch | None = None,
    ) -> None:
        self.core, self.host, self.metrics, self._faults = core, host, metrics, faults
        self.instance = uuid.uuid4().hex
        self._open: dict[int, tuple[Sequence, Mailbox]] = {}
        self._whole = WholeAnswers(core, host, metrics, self._run)
        self._loop = drive(self._from_core, observe=metrics.batch)
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
        """The answers in chunks, the last of each with its finish. Leaving the iteration cancels them all."""
        runtime = self.host.find(asked.digest)
        self.host.adapters.touch(asked.adapter)
        model, began = runtime.ref.name, self.core.clock()
        attributes = {"gen_ai.operation.name": asked.operation, "gen_ai.request.model": model}
        sequences: Row[Sequence] = ()
        finishes: dict[int, Finish] = {}
        with span("engine.submit", attributes=attributes) as active:
            try:
                self.core.check_room()
                sequences = await asyncio.to_thread(sequences_of, asked, runtime, began)
                async with contextlib.aclosing(self._run(*sequences)) as chunks:
                    async for chunk in chunks:
                        if chunk.finish:
                            finishes[chunk.index] = chunk.finish
                            self.metrics.finished(asked.operation, model, counted(chunk.finish, chunk.index))
                        if chunk.finish and len(finishes) == len(sequences):
                            phases(active, together(list(finishes.values())))
                        yield chunk
            except ColonnadeError as error:
                self.metrics.refused(asked.operation, model, error.code, self.core.clock() - began)
                raise
            except (GeneratorExit, asyncio.CancelledError):
                if not sequences:
                    seconds = self.core.clock() - began
                    self.metrics.refused(asked.operation, model, FinishReason.CANCELLED, seconds)
                self._abandoned(asked, sequences, finishes, active)
                raise

    def _abandoned(
        self, asked: Generation, sequences: Row[Sequence], finishes: dict[int, Finish], active: Span
    ) -> None:
        """Counts answers whose caller left before their end: nobody reads how they ended, but it was work."""
        now = self.core.clock()
        left = [sequence for sequence in sequences if sequence.work.index not in finishes]
        for sequence in left:
            finish = sequence.finish(FinishReason.CANCELLED, now)
            finishes[sequence.work.index] = finish
            model = sequence.runtime.ref.name
            self.metrics.finished(asked.operation, model, counted(finish, sequence.work.index))
        if left:
            phases(active, together(list(finishes.values())))

    async def score(self, asked: Scoring) -> Scored:
        """The tokens of texts with their logprobs."""
        return await self._whole.score(asked)

    async def embed(self, asked: Embedding) -> Embedded:
        """A vector for each text."""
        return await self._whole.embed(asked)

    async def tokenize(self, asked: Tokenizing, runtime: Runtime) -> Tokenized:
        """The tokens of a text or a conversation."""
        return await asyncio.to_thread(tokenized, asked, runtime)

    async def detokenize(self, ids: Row[int], runtime: Runtime) -> str:
        """The text of tokens."""
        return await asyncio.to_thread(detokenized, ids, runtime)

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

    async def _run(self, *sequences: Sequence) -> AsyncGenerator[Chunk, None]:
        """The answers of one request; leaving early, or the failure of one, ends them all."""
        mailbox = Mailbox(len(sequences))
        self._open |= {sequence.handle: (sequence, mailbox) for sequence in sequences}
        self._all_ended.clear()
        try:
            for sequence in sequences:
                if self._faults:
                    self._faults.judge(sequence)
                self.core.submit(sequence)
            async with contextlib.aclosing(mailbox.read()) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            for sequence in sequences:
                del self._open[sequence.handle]
            if not self._open:
                self._all_ended.set()
            if not mailbox.ended:
                self.core.abort(*sequences)

    def _from_core(self, updates: Row[Update]) -> None:
        """Called in the core's thread, once a step."""
        assert self._asyncio is not None, "the engine was started"
        self._asyncio.call_soon_threadsafe(self._post, updates)

    def _post(self, updates: Row[Update]) -> None:
        for update in updates:
            if self._faults:
                self._faults.ended(update)
            if update.sequence.handle in self._open:
                self._open[update.sequence.handle][1].put(update)
