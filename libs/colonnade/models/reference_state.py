"""The plainest ``State``: dense tensors, one sequence at a time, every position kept.

Slow and easy to check by eye. Tests compare models with it, and engines compare their paged state to it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from colonnade.models.protocol import Batch, Span, State, StateSpec

KeysValues = tuple[Tensor, Tensor]


class ReferenceStates:
    """The state of all sequences, by handle; ``of(batch)`` is what a model sees during one forward pass."""

    def __init__(self, specs: Sequence[StateSpec]) -> None:
        self.specs = {spec.name: spec for spec in specs}
        self.paged: dict[tuple[str, int], KeysValues] = {}
        self.fixed: dict[tuple[str, int], Tensor] = {}

    def of(self, batch: Batch) -> State:
        return _View(self, batch)

    def forget(self, sequence: int) -> None:
        for store in (self.paged, self.fixed):
            for key in [key for key in store if key[1] == sequence]:
                del store[key]

    def rewind(self, sequence: int, to: int) -> None:
        """Keeps the first ``to`` positions of paged state."""
        for key, (k, v) in self.paged.items():
            if key[1] == sequence:
                self.paged[key] = (k[:to].clone(), v[:to].clone())

    def copy(self, source: int, target: int) -> None:
        """Gives ``target`` the state of ``source``: a shared prefix, or a snapshot."""
        self.forget(target)
        self.paged |= {(name, target): kv for (name, owner), kv in self.paged.items() if owner == source}
        self.fixed |= {
            (name, target): value for (name, owner), value in self.fixed.items() if owner == source
        }


class _View:
    def __init__(self, states: ReferenceStates, batch: Batch) -> None:
        self._states = states
        self._batch = batch

    def attend(self, name: str, q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor, *, scale: float) -> Tensor:
        spec, outputs, first = self._states.specs[name], [], 0
        assert spec.kind == "paged_kv", f"{name} is not paged"
        for span in self._batch.spans:
            rows = slice(first, first + len(span.tokens))
            k, v = self._extend(name, span, k_NKD[rows], v_NKD[rows])
            mask = visible(span, spec.window, q_NHD.device)
            outputs.append(_attend(q_NHD[rows], k, v, mask, scale))
            first = rows.stop
        return torch.cat(outputs)

    def _extend(self, name: str, span: Span, k_TKD: Tensor, v_TKD: Tensor) -> KeysValues:
        """Past and present keys and values of one span, keeping what it commits."""
        past = self._states.paged.get((name, span.sequence), (k_TKD[:0], v_TKD[:0]))
        assert len(past[0]) == span.start, "a span starts where the committed state ends"
        k, v = torch.cat((past[0], k_TKD)), torch.cat((past[1], v_TKD))
        kept = span.start + span.commit
        self._states.paged[name, span.sequence] = (k[:kept], v[:kept])
        return k, v

    def read(self, name: str) -> Tensor:
        zero = torch.zeros(self._states.specs[name].shape, device=self._batch.tokens_N.device)
        return torch.stack(
            [self._states.fixed.get((name, span.sequence), zero) for span in self._batch.spans]
        )

    def write(self, name: str, value: Tensor) -> None:
        assert value.shape[1:] == self._states.specs[name].shape, f"{name} has another shape"
        for span, row in zip(self._batch.spans, value, strict=True):
            if span.commit == len(span.tokens):
                self._states.fixed[name, span.sequence] = row


def visible(span: Span, window: int | None, device: torch.device) -> Tensor:
    """Which keys 0 .. start+T-1 each of the span's T queries sees, as (T, start + T) booleans."""
    keys = torch.arange(span.start + len(span.tokens), device=device)
    queries = keys[span.start :, None]
    seen = keys < span.start if span.mask == "causal" else torch.ones_like(keys, dtype=torch.bool)
    seen = seen | (keys <= queries)
    return seen if window is None else seen & (queries - keys < window)


def _attend(q_THD: Tensor, k_SKD: Tensor, v_SKD: Tensor, seen_TS: Tensor, scale: float) -> Tensor:
    """Softmax attention written out; each key-value head serves H / K query heads."""
    group = q_THD.shape[1] // k_SKD.shape[1]
    k_SHD, v_SHD = k_SKD.repeat_interleave(group, 1), v_SKD.repeat_interleave(group, 1)
    scores_HTS = torch.einsum("thd,shd->hts", q_THD.float(), k_SHD.float()) * scale
    weights_HTS = scores_HTS.masked_fill(~seen_TS, -torch.inf).softmax(-1)
    return torch.einsum("hts,shd->thd", weights_HTS, v_SHD.float()).to(q_THD.dtype)
