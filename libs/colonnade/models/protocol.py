"""How a model family and an engine meet.

The engine owns queues, memory, random numbers, stop rules and streaming. A family owns its equations
and the order in which it decides tokens. They meet in two small protocols:

* ``LanguageModel`` declares the state a sequence needs (``StateSpec``) and runs one *ragged* forward
  pass over ``Span``s, one a sequence, each of its own length.
* ``Decoder``, one object a request, plans the next span and turns the model's outputs into zero or
  more decided tokens (``Step``).

An autoregressive model plans one causal span and emits one token. A block-diffusion model plans the
same masked block several times with ``commit=0``, then once more with ``commit=len(block)``, and emits
the block. An early-exit model stops at a different depth for each token. All three are served by the
same scheduler, because it only ever sees spans and steps.

Shape legend: N tokens of all spans laid end to end, W wanted positions of all spans, V vocabulary,
H query heads, K key-value heads, D head width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

import torch
from torch import Tensor


class Capability(StrEnum):
    """What a model can be asked for; a request for one it lacks is refused, naming it."""

    GENERATE = "generate"
    LOGPROBS = "logprobs"
    SCORE = "score"
    EMBED = "embed"
    ADAPTERS = "adapters"
    PREFIX_SHARING = "prefix_sharing"
    STRUCTURE = "structure"
    """Tokens are decided strictly left to right, each draw final: a grammar can follow them."""


@dataclass(frozen=True, slots=True)
class StateSpec:
    """One named piece of state that a sequence owns between forwards.

    ``paged_kv`` grows with the sequence: ``shape`` is (K, D), kept for keys and for values at every
    committed position. ``fixed`` does not grow: ``shape`` is that of the whole tensor (recurrent state,
    membrane potential, memory slots), zero at first.
    """

    name: str
    kind: Literal["paged_kv", "fixed"]
    shape: tuple[int, ...]
    window: int | None = None
    """Only the last ``window`` positions are ever read; older ones may be dropped."""
    prefix_pure: bool = True
    """State at position i depends on tokens 0..i only, so equal prefixes may share it."""
    rewind: Literal["truncate", "snapshot"] = "truncate"
    """How a sequence goes back: by forgetting later positions, or only to a saved snapshot."""


@dataclass(frozen=True, slots=True)
class Span:
    """One sequence's part of a forward pass."""

    sequence: int
    """The engine's handle for the sequence's state."""
    tokens: Sequence[int]
    start: int
    """Position of ``tokens[0]``; equals the number of committed positions of the sequence."""
    commit: int
    """How many leading tokens' state is kept after this pass."""
    mask: Literal["causal", "bidirectional"] = "causal"
    """Among the span's own tokens; every committed position is always visible."""
    want: Sequence[int] = ()
    """Offsets into ``tokens`` whose logits are needed."""
    output: Literal["logits", "hidden"] = "logits"
    """What the wanted positions yield. All spans of a batch have the same."""
    depth: int | None = None
    """Most layers to run; None lets the model decide."""
    adapter: str | None = None
    """The digest of a loaded LoRA adapter; None for the model as it is."""
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    """Family-specific inputs: diffusion time, media embeddings."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Spans with their tokens laid end to end."""

    spans: Sequence[Span]
    tokens_N: Tensor
    positions_N: Tensor
    want_W: Tensor
    """Indices into N of all wanted positions, in span order."""

    @property
    def output(self) -> Literal["logits", "hidden"]:
        return self.spans[0].output

    @classmethod
    def of(cls, spans: Sequence[Span], device: torch.device | str = "cpu") -> "Batch":
        tokens: list[int] = []
        positions: list[int] = []
        want: list[int] = []
        for span in spans:
            want += [len(tokens) + offset for offset in span.want]
            positions += range(span.start, span.start + len(span.tokens))
            tokens += span.tokens
        return cls(
            spans, *(torch.tensor(ids, dtype=torch.long, device=device) for ids in (tokens, positions, want))
        )


class State(Protocol):
    """What a model sees of its sequences' state during one forward pass."""

    def attend(self, name: str, q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor, *, scale: float) -> Tensor:
        """Keeps the committed part of k and v under ``name`` and attends, span by span, over everything
        committed before plus the span itself under its mask (and the spec's window). Returns o_NHD."""
        ...

    def read(self, name: str) -> Tensor:
        """The fixed state of every span's sequence, stacked: (len(spans), *shape)."""
        ...

    def write(self, name: str, value: Tensor) -> None:
        """Replaces the fixed state of the sequences whose span commits all of its tokens."""
        ...


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the batch asked for at the wanted positions: ``logits_WV``, or ``hidden_WD`` (the final hidden
    states, after the last norm) with logits of width 0. ``depth_W``: layers run for each, if it varies."""

    logits_WV: Tensor
    depth_W: Tensor | None = None
    hidden_WD: Tensor | None = None


@dataclass(frozen=True, slots=True)
class SampledToken:
    id: int
    logprob: float | None = None
    """Natural log of the model's own probability (temperature 1, before any filter)."""
    top: Sequence[tuple[int, float]] = ()
    """The most likely tokens with their logprobs, best first, if the request asked for them."""
    depth: int | None = None


class Sampler(Protocol):
    """Draws tokens with the request's settings and its own random stream."""

    def __call__(
        self, logits_V: Tensor, position: int, draw: int = 0, after: Sequence[int] = ()
    ) -> SampledToken:
        """Draws the token at absolute ``position``. The result depends only on the request's seed, its
        tokens so far, ``position``, ``draw`` (which attempt at that position), ``after`` (tokens that this
        very step decided before ``position``) and the logits: never on the batch."""
        ...


class SequenceView(Protocol):
    """What a decoder sees of its request."""

    @property
    def handle(self) -> int: ...
    @property
    def tokens(self) -> Sequence[int]:
        """Prompt and everything emitted so far."""
        ...

    @property
    def committed(self) -> int:
        """Leading positions whose state is kept."""
        ...

    @property
    def remaining(self) -> int:
        """How many more tokens may be emitted."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What one forward decided for a sequence."""

    emit: Sequence[SampledToken] = ()
    rewind_to: int | None = None
    """Forget committed state from this position on (rejected speculation)."""
    done: bool = False
    """The family itself ends the sequence; stop tokens and limits are the engine's business."""


class Decoder(Protocol):
    """One request's decoding state."""

    def plan(self, sequence: SequenceView, budget: int) -> Span:
        """The next span, of at most ``budget`` tokens (at least ``page_multiple`` are always granted).

        ``sequence.committed`` may have fallen since the last call, because the engine took state back: what
        is decided is then worked off again from there, and not decided again."""
        ...

    def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
        """Decides tokens from this span's rows of the outputs. What it commits is counted already."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddingSpec:
    """How a model turns a text into one vector: the last hidden states of all tokens, pooled."""

    width: int
    pooling: Literal["mean", "cls", "last"]
    mask: Literal["causal", "bidirectional"]
    """Bidirectional: a text goes through in one span, whole."""
    max_tokens: int


class LanguageModel(Protocol):
    """A loaded model."""

    @property
    def vocab_size(self) -> int: ...
    @property
    def context_length(self) -> int: ...
    @property
    def states(self) -> Sequence[StateSpec]: ...
    @property
    def capabilities(self) -> frozenset[Capability]: ...
    @property
    def page_multiple(self) -> int:
        """Committed lengths are shared and preempted at multiples of this (a diffusion block's size)."""
        ...

    @property
    def embedding_spec(self) -> EmbeddingSpec | None:
        """None if the model does not declare the capability ``embed``."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Bytes of parameters and buffers."""
        ...

    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype:
        """Of activations, and so of paged state."""
        ...

    def forward(self, batch: Batch, state: State) -> Outputs: ...

    def decoder(self) -> Decoder:
        """A new decoder for one request."""
        ...
