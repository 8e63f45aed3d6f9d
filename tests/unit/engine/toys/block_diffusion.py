"""Text in blocks; within a block every token sees every other, and they are decided out of order.

A block starts all masked. Each pass (``commit=0``) decides the positions the model is surest of; when all are
decided, one more pass commits the block and it is emitted (BD3-LM, arXiv 2503.09573).
"""

import torch
from torch import nn

from colonnade.models.protocol import (
    Batch,
    Capability,
    Outputs,
    SampledToken,
    Sampler,
    SequenceView,
    Span,
    State,
    Step,
)
from tests.unit.engine.toys.parts import CONTEXT, VOCABULARY, WIDTH, Block, Toy, layer_specs

BLOCK = 6
PER_PASS = 2
MASK = VOCABULARY - 1


class BlockDiffusion(Toy):
    page_multiple = BLOCK
    capabilities = frozenset({Capability.GENERATE, Capability.LOGPROBS})

    def __init__(self, seed: int = 2) -> None:
        super().__init__(seed)
        self.states = layer_specs(2)
        self.embed, self.place = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block(spec.name) for spec in self.states)
        self.head = nn.Linear(WIDTH, VOCABULARY)
        self.scramble(0.25)

    def forward(self, batch: Batch, state: State) -> Outputs:
        x_ND: torch.Tensor = self.embed(batch.tokens_N) + self.place(batch.positions_N)
        for block in self.blocks:
            x_ND = block(x_ND, state)
        logits_WV = self.head(x_ND[batch.want_W])
        logits_WV[:, MASK] = -torch.inf  # never an answer
        return Outputs(logits_WV)

    def decoder(self) -> "BlockDecoder":
        return BlockDecoder()


class BlockDecoder:
    def __init__(self) -> None:
        self._prompt: int | None = None
        self._block: list[SampledToken | None] = []
        self._passes = 0
        self.order: list[int] = []
        """Positions in the order they were decided."""

    def plan(self, sequence: SequenceView, budget: int) -> Span:
        start = sequence.committed
        self._prompt = self._prompt or len(sequence.tokens)
        if start < self._prompt:
            tokens = sequence.tokens[start : min(self._prompt, start + budget)]
            return Span(sequence.handle, tokens, start, commit=len(tokens))
        if start < len(sequence.tokens):  # its state was taken away after the block was emitted
            tokens = sequence.tokens[start : start + BLOCK]
            return Span(sequence.handle, tokens, start, commit=len(tokens), mask="bidirectional")
        if not self._block:
            self._block = [None] * min(BLOCK, sequence.remaining)
        ids = [MASK if each is None else each.id for each in self._block]
        want = tuple(place for place, each in enumerate(self._block) if each is None)
        commit = 0 if want else len(ids)
        return Span(sequence.handle, ids, start, commit, mask="bidirectional", want=want)

    def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
        if span.start < len(sequence.tokens):
            return Step()
        if span.commit:
            decided = [each for each in self._block if each is not None]
            self._block, self._passes = [], 0
            return Step(emit=decided)
        sure_W = outputs.logits_WV.softmax(-1).amax(-1)
        for row in sure_W.sort(descending=True, stable=True).indices[:PER_PASS].tolist():
            place = span.want[row]
            position = span.start + place
            self._block[place] = sample(outputs.logits_WV[row], position, self._passes)
            self.order.append(position)
        self._passes += 1
        return Step()
