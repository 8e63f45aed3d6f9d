"""What the peers' loops share: the rows of a token set, shuffled, as int64 tensors in memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from evidence.performance.learners.shape import Run


def batches(run: Run) -> Iterator[Tensor]:
    """(rows, tokens + 1), without end."""
    files = sorted(Path(run.data, "train").glob("*/*.tokens"))
    flat = np.concatenate([np.fromfile(file, "<u2") for file in files]).astype(np.int64)
    width = run.tokens + 1
    whole = torch.from_numpy(flat[: len(flat) // width * width].reshape(-1, width))
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(whole), batch_size=run.rows, shuffle=True, drop_last=True)
    while True:
        for (rows,) in loader:
            yield rows
