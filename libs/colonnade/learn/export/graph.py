"""A ``transformer`` as one pure function of tensors, with what was computed before as inputs and outputs.

    logits, present = graph(input_ids, attention_mask, past)

``past`` holds the keys and values of P positions, ``present`` those of P + T: what one call gives, the next
one takes. P is 0 at first. So the same graph reads a prompt whole, in pieces, or a token at a time. Rows of
unequal length are padded, anywhere, with ``attention_mask`` 0 there (P + T wide): nobody sees such a
position, and positions are counted without it. What comes out at one means nothing.

Shapes: B rows, T tokens, P positions before, S = P + T, K key-value heads, G query heads of each, d head
width, V vocabulary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from colonnade.models.families.transformer.model import Transformer


class CachedGraph(nn.Module):
    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids_BT: Tensor, attention_mask_BS: Tensor, past: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """``past``: the key and the value (B, K, P, d) of each layer in turn. Returns logits (B, T, V), then
        ``present`` in the same order."""
        model = self.model
        positions_BS = (attention_mask_BS.cumsum(1) - 1).clamp(min=0)
        positions_BT = positions_BS[:, past[0].shape[2] :]
        attends = [
            _Remembering(
                past[2 * layer],
                past[2 * layer + 1],
                _visible(attention_mask_BS, positions_BS, input_ids_BT.shape[1], spec.window),
            )
            for layer, spec in enumerate(model.states)
        ]
        x_BTD: Tensor = model.embedding(input_ids_BT)
        x_BTD = model.blocks(x_BTD, model.rope(positions_BT, x_BTD.dtype), attends)
        logits_BTV: Tensor = model.head(model.norm(x_BTD))
        return (logits_BTV, *(each for attend in attends for each in attend.present))


def _visible(mask_BS: Tensor, positions_BS: Tensor, tokens: int, window: int | None) -> Tensor:
    """Which of S positions each of the last T sees, (B, T, S). Itself always, so that padding, which sees
    nothing else, is not a softmax over nothing."""
    keys_S = torch.arange(mask_BS.shape[1], device=mask_BS.device)
    queries_T1 = keys_S[mask_BS.shape[1] - tokens :, None]
    seen_BTS = (keys_S <= queries_T1) & (mask_BS[:, None, :] > 0)
    if window is not None:
        distance_BTS = positions_BS[:, mask_BS.shape[1] - tokens :, None] - positions_BS[:, None, :]
        seen_BTS = seen_BTS & (distance_BTS < window)
    return seen_BTS | (keys_S == queries_T1)


class _Remembering:
    """Attention over the past and the present, written out in operations that every runtime has."""

    def __init__(self, key_BKPd: Tensor, value_BKPd: Tensor, seen_BTS: Tensor) -> None:
        self.present: tuple[Tensor, Tensor] = (key_BKPd, value_BKPd)
        self._seen_B11TS = seen_BTS[:, None, None]

    def __call__(self, q_BTHd: Tensor, k_BTKd: Tensor, v_BTKd: Tensor, *, scale: float) -> Tensor:
        key_BKSd, value_BKSd = (
            torch.cat((before, now.transpose(1, 2)), dim=2)
            for before, now in zip(self.present, (k_BTKd, v_BTKd), strict=True)
        )
        self.present = (key_BKSd, value_BKSd)
        rows, tokens, heads, d = q_BTHd.shape
        groups = k_BTKd.shape[2]
        q_BKGTd = q_BTHd.transpose(1, 2).reshape(rows, groups, heads // groups, tokens, d)
        scores_BKGTS = q_BKGTd @ key_BKSd[:, :, None].transpose(-1, -2) * scale
        weights_BKGTS = scores_BKGTS.masked_fill(~self._seen_B11TS, -torch.inf).softmax(-1)
        mixed_BKGTd = weights_BKGTS @ value_BKSd[:, :, None]
        return mixed_BKGTd.reshape(rows, heads, tokens, d).transpose(1, 2)
