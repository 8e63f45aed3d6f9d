"""The slow reference: one request at a time, whole prompt at once, the plainest state, no engine.

It shares the family and the sampler with the engine, and nothing else.
"""

from dataclasses import dataclass, field, replace

import torch

from colonnade.engine.runtime import Runtime
from colonnade.engine.sampling import Sampling, TokenSampler
from colonnade.engine.structure import Form, Grammar, Structure
from colonnade.models.protocol import Batch
from colonnade.models.reference_state import ReferenceStates
from tests.contract.engine.cases import Answer, Ask
from tests.contract.engine.suite import ROUNDING


@dataclass
class _View:
    tokens: list[int]
    limit: int
    committed: int = 0
    handle: int = 0
    prompt: int = field(init=False)

    def __post_init__(self) -> None:
        self.prompt = len(self.tokens)

    @property
    def remaining(self) -> int:
        return self.limit - (len(self.tokens) - self.prompt)


def sampling_of(ask: Ask) -> Sampling:
    return Sampling(
        ask.temperature,
        ask.top_k,
        ask.top_p,
        ask.min_p,
        ask.repetition_penalty,
        ask.seed,
        frequency_penalty=ask.frequency_penalty,
        presence_penalty=ask.presence_penalty,
        logit_bias=dict(ask.bias),
    )


def grammar_of(ask: Ask, runtime: Runtime) -> Grammar | None:
    return runtime.grammars.compile(Structure(Form.REGEX, ask.regex)) if ask.regex else None


@torch.inference_mode()
def alone(runtime: Runtime, ask: Ask, jitter: int = 0) -> Answer:
    """The answer, if nothing else ever happened; ``jitter`` is the seed of a little noise on the logits."""
    noise = torch.Generator().manual_seed(jitter)
    prompt = runtime.tokenizer.encode(ask.prompt)
    view = _View(prompt, min(ask.max_tokens, runtime.model.context_length - len(prompt)))
    states, decoder = ReferenceStates(runtime.model.states), runtime.model.decoder()
    grammar = grammar_of(ask, runtime)
    sampler = TokenSampler(sampling_of(ask), view.tokens, grammar.matcher() if grammar else None)
    while True:
        span = replace(decoder.plan(view, 10_000), adapter=ask.adapter or None)
        batch = Batch.of([span])
        outputs = runtime.model.forward(batch, states.of(batch))
        if jitter:
            size = outputs.logits_WV.shape
            shaken_WV = outputs.logits_WV + ROUNDING * torch.randn(size, generator=noise)
            outputs = replace(outputs, logits_WV=shaken_WV)
        view.committed = span.start + span.commit
        for token in decoder.absorb(view, span, outputs, sampler).emit:
            view.tokens.append(token.id)
            ended = _ended(runtime, ask, view)
            if ended:
                return ended


def _ended(runtime: Runtime, ask: Ask, view: _View) -> Answer | None:
    ids = view.tokens[view.prompt :]
    full = view.remaining == 0 or ids[-1] in runtime.stop_ids
    text = runtime.tokenizer.decode(ids)
    certain = text if full else text.removesuffix("\ufffd")
    for end in range(1, len(certain) + 1):
        stops = [stop for stop in ask.stop if certain[:end].endswith(stop)]
        if stops:
            return Answer(tuple(ids), certain[: end - max(map(len, stops))], "stop", len(ids))
    if not full:
        return None
    return Answer(tuple(ids), text, "stop" if ids[-1] in runtime.stop_ids else "length", len(ids))
