"""What sequences keep between forwards: key-value caches and fixed-size state, in bytes that are counted.

One ``StateStore`` a loaded model; one ``CacheBudget`` an engine. A sequence reserves its largest size when it
is admitted and grows towards it in blocks, so a running sequence never finds the memory gone.

Nothing a forward does is kept until ``BatchState.commit``: keys beyond the committed length are overwritten
by the next pass and writes of fixed state are staged. A failed forward can therefore be repeated.

Shape legend: N tokens of a span, L visible positions, H query heads, K key-value heads, D head width.
"""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from colonnade.errors import Internal
from colonnade.models.protocol import Batch, Span, StateSpec

BLOCK = 64
"""Positions a cache grows by at least."""


class CacheBudget:
    """Bytes that all sequences of all models may hold together. Used from the core's thread alone."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.reserved_bytes = 0

    def reserve(self, size: int) -> bool:
        """Takes ``size`` bytes, or nothing and answers False."""
        if self.reserved_bytes + size > self.limit_bytes:
            return False
        self.reserved_bytes += size
        return True

    def release(self, size: int) -> None:
        assert 0 <= size <= self.reserved_bytes, "more bytes released than reserved"
        self.reserved_bytes -= size


class SequenceState:
    """One sequence's tensors. ``kv[name]`` is (2, K, capacity, D): keys, then values."""

    __slots__ = ("allocated_bytes", "fixed", "kv", "length", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.length = 0
        self.allocated_bytes = 0
        self.kv: dict[str, Tensor] = {}
        self.fixed: dict[str, Tensor] = {}


class StateStore:
    """The state of every running sequence of one model, under the handles the engine gave them."""

    def __init__(self, specs: Sequence[StateSpec], *, dtype: torch.dtype, device: torch.device) -> None:
        self.specs: Mapping[str, StateSpec] = {spec.name: spec for spec in specs}
        self._dtype, self._device = dtype, device
        self._sequences: dict[int, SequenceState] = {}
        self.allocated_bytes = 0
        """Of all sequences now; any thread may read it."""

    def __len__(self) -> int:
        return len(self._sequences)

    def __getitem__(self, handle: int) -> SequenceState:
        return self._sequences[handle]

    def bytes_for(self, positions: int) -> int:
        """The most a sequence of ``positions`` can hold."""
        per = {"paged_kv": 2 * positions, "fixed": 1}
        return sum(prod(spec.shape) * per[spec.kind] for spec in self.specs.values()) * self._dtype.itemsize

    def open(self, handle: int, positions: int) -> None:
        """Makes room for a sequence of at most ``positions``; its fixed state starts at zero."""
        assert handle not in self._sequences, "handles are never used twice"
        state = self._sequences[handle] = SequenceState(positions)
        for spec in self.specs.values():
            if spec.kind == "fixed":
                state.fixed[spec.name] = torch.zeros(spec.shape, dtype=self._dtype, device=self._device)
                self._count(state, state.fixed[spec.name].nbytes)

    def close(self, handle: int) -> None:
        """Frees everything the sequence holds; a handle that is not open is ignored."""
        if handle in self._sequences:
            state = self._sequences.pop(handle)
            self._count(state, -state.allocated_bytes)

    def rewind(self, handle: int, position: int) -> None:
        """Forgets committed positions from ``position`` on."""
        state = self._sequences[handle]
        if not 0 <= position <= state.length:
            raise Internal(f"the decoder went back to {position} of {state.length} positions")
        if position < state.length and any(spec.rewind != "truncate" for spec in self.specs.values()):
            raise Internal("this family's state cannot go back by truncation")
        state.length = position

    def view(self, batch: Batch) -> "BatchState":
        return BatchState(self, batch.spans)

    def room(self, name: str, handle: int, end: int) -> Tensor:
        """The cache ``name`` of a sequence, grown to hold ``end`` positions. (2, K, capacity, D)"""
        state = self._sequences[handle]
        held = state.kv.get(name)
        capacity = 0 if held is None else held.shape[2]
        if end <= capacity and held is not None:
            return held
        assert end <= state.limit, "spans are checked against the reservation before the forward"
        heads, width = self.specs[name].shape
        capacity = min(state.limit, max(-(-end // BLOCK) * BLOCK, 2 * capacity))
        grown = torch.empty((2, heads, capacity, width), dtype=self._dtype, device=self._device)
        if held is not None:
            grown[:, :, : state.length] = held[:, :, : state.length]
        state.kv[name] = grown
        self._count(state, grown.nbytes - (0 if held is None else held.nbytes))
        return grown

    def _count(self, state: SequenceState, size: int) -> None:
        state.allocated_bytes += size
        self.allocated_bytes += size


class BatchState:
    """The ``State`` of one forward: ``colonnade.models.protocol.State`` says what the methods do."""

    def __init__(self, store: StateStore, spans: Sequence[Span]) -> None:
        self._store, self._spans = store, spans
        self._masks: dict[tuple[int, int | None], Tensor | None] = {}
        self._staged: dict[tuple[int, str], Tensor] = {}

    def attend(self, name: str, q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor, *, scale: float) -> Tensor:
        window = self._store.specs[name].window
        o_NHD = torch.empty_like(q_NHD)
        first = 0
        for index, span in enumerate(self._spans):
            last, end = first + len(span.tokens), span.start + len(span.tokens)
            cache = self._store.room(name, span.sequence, end)
            cache[0, :, span.start : end] = k_NKD[first:last].transpose(0, 1)
            cache[1, :, span.start : end] = v_NKD[first:last].transpose(0, 1)
            low = 0 if window is None else max(0, span.start - window + 1)
            o_1HND = scaled_dot_product_attention(
                q_NHD[first:last].transpose(0, 1)[None],
                cache[None, 0, :, low:end],
                cache[None, 1, :, low:end],
                attn_mask=self._mask(index, window, low),
                scale=scale,
                enable_gqa=True,
            )
            o_NHD[first:last] = o_1HND[0].transpose(0, 1)
            first = last
        return o_NHD

    def read(self, name: str) -> Tensor:
        return torch.stack([self._store[span.sequence].fixed[name] for span in self._spans])

    def write(self, name: str, value: Tensor) -> None:
        for span, row in zip(self._spans, value, strict=True):
            if span.commit == len(span.tokens):
                self._staged[span.sequence, name] = row.clone()

    def commit(self) -> None:
        """Keeps what the forward did: called once, after it succeeded."""
        for (handle, name), value in self._staged.items():
            self._store[handle].fixed[name] = value
        for span in self._spans:
            self._store[span.sequence].length = span.start + span.commit

    def _mask(self, index: int, window: int | None, low: int) -> Tensor | None:
        """Which of the positions from ``low`` on each token of span ``index`` sees, (N, L); None if all."""
        if (index, window) not in self._masks:
            self._masks[index, window] = _mask_of(self._spans[index], window, low, self._store._device)
        return self._masks[index, window]


def _mask_of(span: Span, window: int | None, low: int, device: torch.device) -> Tensor | None:
    count = len(span.tokens)
    if count == 1 or (span.mask == "bidirectional" and window is None):
        return None
    query = torch.arange(span.start, span.start + count, device=device)[:, None]
    key = torch.arange(low, span.start + count, device=device)[None, :]
    visible = key <= query if span.mask == "causal" else torch.ones_like(key <= query)
    return visible if window is None else visible & (key > query - window)
