"""No cache at all: one hidden state of fixed size that every token replaces."""

import torch
from torch import Tensor, nn

from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.protocol import Batch, Outputs, State, StateSpec
from tests.unit.engine.toys.parts import VOCABULARY, WIDTH, Toy


class Recurrent(Toy):
    def __init__(self, seed: int = 3) -> None:
        super().__init__(seed)
        self.states = [StateSpec("hidden", "fixed", (WIDTH,), rewind="snapshot")]
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.step = nn.GRUCell(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY)
        self.scramble()

    def forward(self, batch: Batch, state: State) -> Outputs:
        x_ND: Tensor = self.embed(batch.tokens_N)
        seen, last, first = [], [], 0
        for span, hidden_D in zip(batch.spans, state.read("hidden"), strict=True):
            for row in range(first, first + len(span.tokens)):
                hidden_D = self.step(x_ND[row : row + 1], hidden_D[None])[0]
                seen.append(hidden_D)
            last.append(hidden_D)
            first += len(span.tokens)
        state.write("hidden", torch.stack(last))
        return Outputs(self.head(torch.stack(seen)[batch.want_W]))

    def decoder(self) -> AutoregressiveDecoder:
        return AutoregressiveDecoder()
