"""Each token leaves at its own depth, when the model is sure enough.

The layers it did not run still need its keys and values, because later tokens may run them: they are made
from the hidden state it left with (CALM, arXiv 2207.07061, calls this state propagation).
"""

from dataclasses import replace

import torch
from torch import nn

from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.protocol import Batch, Capability, Outputs, Sampler, SequenceView, Span, State, Step
from tests.unit.engine.toys.parts import CONTEXT, VOCABULARY, WIDTH, Block, Toy, layer_specs

LAYERS = 4
SURE = 0.35
"""Probability of the best token at which a token leaves."""


class EarlyExit(Toy):
    capabilities = Toy.capabilities | {Capability.PREFIX_SHARING}

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)
        self.states = layer_specs(LAYERS)
        self.embed, self.place = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block(spec.name) for spec in self.states)
        self.head = nn.Linear(WIDTH, VOCABULARY)
        self.scramble()

    def forward(self, batch: Batch, state: State) -> Outputs:
        x_ND: torch.Tensor = self.embed(batch.tokens_N) + self.place(batch.positions_N)
        most_N = torch.tensor([span.depth or LAYERS for span in batch.spans for _ in span.tokens])
        depth_N = torch.zeros_like(most_N)
        running_N = torch.ones_like(most_N, dtype=torch.bool)
        for block in self.blocks:
            x_ND = torch.where(running_N[:, None], block(x_ND, state), x_ND)
            depth_N += running_N
            best_N = self.head(x_ND).softmax(-1).amax(-1)
            running_N &= (best_N < SURE) & (depth_N < most_N)
        return Outputs(self.head(x_ND[batch.want_W]), depth_N[batch.want_W])

    def decoder(self) -> "DepthDecoder":
        return DepthDecoder()


class DepthDecoder(AutoregressiveDecoder):
    """Left to right; says of each token how deep it went."""

    def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
        step = super().absorb(sequence, span, outputs, sample)
        if not step.emit:
            return step
        assert outputs.depth_W is not None
        return Step(emit=[replace(step.emit[0], depth=int(outputs.depth_W[-1]))])
