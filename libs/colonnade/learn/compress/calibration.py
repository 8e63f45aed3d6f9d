"""Rows of tokens by which is judged what of a model matters."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from colonnade.errors import InvalidArgument, NotFound
from colonnade.models.text.tokenizer import Tokenizer
from colonnade.security.inputs import decoded, read_bounded

FIELD = "calibrate"
MOST_BYTES = 8 << 20
LONGEST = 512
"""Tokens of a row, at most."""
ROWS = 64
TOGETHER = 4
"""Rows of one forward pass."""


def calibration_rows(text: Path, tokenizer: Tokenizer, *, context: int, vocabulary: int) -> Sequence[Tensor]:
    """Batches (B, T) of the first ``ROWS`` rows of a UTF-8 text, each as long as the model's ``context`` and
    ``LONGEST`` allow. Raises ``NotFound``, ``TooLarge`` or ``InvalidArgument``."""
    if not text.is_file():
        raise NotFound(f"{FIELD}: there is no text file {text.name}", field=FIELD)
    ids = tokenizer.encode_plain(decoded(read_bounded(text, MOST_BYTES, FIELD), FIELD))
    length = min(context, LONGEST, len(ids))
    if length < 2:
        raise InvalidArgument(
            f"{FIELD}: the text has fewer than two tokens; give one of a few thousand words", field=FIELD
        )
    if max(ids) >= vocabulary:
        raise InvalidArgument(
            f"tokenizer.json has tokens beyond the model's vocabulary of {vocabulary}", field="tokenizer.json"
        )
    count = min(ROWS, len(ids) // length)
    return torch.split(torch.tensor(ids[: count * length]).reshape(count, length), TOGETHER)
