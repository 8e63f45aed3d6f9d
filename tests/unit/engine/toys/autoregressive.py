"""The plainest family: two causal blocks, the second with a window, left to right."""

import torch
from torch import nn

from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.protocol import Batch, Capability, Outputs, State
from tests.unit.engine.toys.parts import CONTEXT, VOCABULARY, WIDTH, Block, Toy, layer_specs


class Autoregressive(Toy):
    capabilities = Toy.capabilities | {Capability.PREFIX_SHARING}

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.states = layer_specs(2, (None, 5))
        self.embed, self.place = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block(spec.name) for spec in self.states)
        self.head = nn.Linear(WIDTH, VOCABULARY)
        self.scramble()

    def forward(self, batch: Batch, state: State) -> Outputs:
        x_ND: torch.Tensor = self.embed(batch.tokens_N) + self.place(batch.positions_N)
        for block in self.blocks:
            x_ND = block(x_ND, state)
        return Outputs(self.head(x_ND[batch.want_W]))

    def decoder(self) -> AutoregressiveDecoder:
        return AutoregressiveDecoder()
