"""Models that misbehave, or wait to be told to go on."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from colonnade.models.protocol import Batch, Outputs, State
from tests.unit.engine.toys import spelling
from tests.unit.engine.toys.autoregressive import Autoregressive

POISON = spelling.tokenizer().encode("!")[0]


class Poisonable(Autoregressive):
    """Cannot stand one token."""

    def forward(self, batch: Batch, state: State) -> Outputs:
        outputs = super().forward(batch, state)
        if POISON in batch.tokens_N.tolist():
            raise RuntimeError("the secret path is /root")
        return outputs


class Gated(Autoregressive):
    """Runs one forward for each permit: tests decide how far an answer has come."""

    def __init__(self) -> None:
        super().__init__()
        self.permits = threading.Semaphore(0)
        self.forwards = 0

    @asynccontextmanager
    async def trickling(self) -> AsyncGenerator[None]:
        """A permit every 50 ms, for as long as it takes: news of a caller who left may come late."""

        async def release() -> None:
            while True:
                self.permits.release()
                await asyncio.sleep(0.05)

        task = asyncio.create_task(release())
        try:
            yield
        finally:
            task.cancel()

    def forward(self, batch: Batch, state: State) -> Outputs:
        assert self.permits.acquire(timeout=20), "nobody released the model"
        self.forwards += 1
        return super().forward(batch, state)
