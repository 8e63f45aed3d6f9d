"""Models that misbehave, or wait to be told to go on."""

import threading

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

    def forward(self, batch: Batch, state: State) -> Outputs:
        assert self.permits.acquire(timeout=20), "nobody released the model"
        return super().forward(batch, state)
