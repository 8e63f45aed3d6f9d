"""Selection over rows of logits. Shape legend: W rows, V vocabulary."""

from ctypes import c_int64, c_void_p

import torch
from torch import Tensor

from colonnade.engine.kernels.native import library


def best(logits_WV: Tensor) -> tuple[list[int], list[float]]:
    """Of each row the lowest id of its largest score, and that score: NaN where any score of the row is."""
    rows = logits_WV.float().contiguous()
    native = library() if rows.device.type == "cpu" else None
    if native is None:
        return _best(rows)
    count, width = rows.shape
    ids, scores = torch.empty(count, dtype=torch.long), torch.empty(count)
    native.colonnade_best(
        c_void_p(rows.data_ptr()),
        c_int64(count),
        c_int64(width),
        c_void_p(ids.data_ptr()),
        c_void_p(scores.data_ptr()),
    )
    return ids.tolist(), scores.tolist()


def top_ids(logits_V: Tensor, k: int) -> Tensor:
    """The ``k`` best ids and all that tie with the last of them, best first, ties by id.

    The row must not hold a NaN."""
    width = len(logits_V)
    k = min(k, width)
    if k <= 0:
        return torch.empty(0, dtype=torch.long, device=logits_V.device)
    native = library() if logits_V.device.type == "cpu" and logits_V.dtype == torch.float32 else None
    if native is None:
        return _top_ids(logits_V, k)
    row, ids = logits_V.contiguous(), torch.empty(width, dtype=torch.long)
    function = native.colonnade_top_ids
    function.restype = c_int64
    found = function(c_void_p(row.data_ptr()), c_int64(width), c_int64(k), c_void_p(ids.data_ptr()))
    assert found > 0, "a score is not a number"
    return ids[:found].clone()


def _best(rows_WV: Tensor) -> tuple[list[int], list[float]]:
    scores = rows_WV.max(-1).values
    ids = (rows_WV == scores[:, None]).int().argmax(-1)  # of equal ones the first
    return ids.tolist(), scores.tolist()


def _top_ids(logits_V: Tensor, k: int) -> Tensor:
    threshold = logits_V.topk(k).values[-1]
    ids = (logits_V >= threshold).nonzero()[:, 0]
    return ids[logits_V[ids].sort(descending=True, stable=True).indices]
