"""A model folder that is made of another: pruned, rounded, and written with what it came from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.learn.compress.calibration import calibration_rows
from colonnade.learn.compress.importance import METHODS, Importance
from colonnade.learn.compress.pruning import Sizes, prune, smaller
from colonnade.learn.stored_model import StoredModel
from colonnade.models.artefact import Description
from colonnade.models.convert.write import flush, size_label, staged
from colonnade.models.families.transformer.checkpoint import save
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.text.tokenizer import Tokenizer

Through: TypeAlias = Callable[[Iterable[Tensor], int], Iterable[Tensor]]
"""What the rows that importance is measured on pass through, and how many batches of them there are."""


def pruned(
    stored: StoredModel,
    sizes: Sizes,
    *,
    by: str,
    calibrate: Path | None = None,
    through: Through = lambda rows, count: rows,
) -> Transformer:
    """Raises a ``ColonnadeError`` that names the field."""
    loaded = stored.serving()
    smaller(loaded.config, sizes)  # refused before minutes of work
    return prune(loaded, sizes, _importance(stored, by, calibrate, through))


def counted(model: Transformer) -> int:
    """Its parameters."""
    return sum(value.numel() for value in model.parameters())


def write_made(model: Transformer, stored: StoredModel, out: Path, source: Mapping[str, Any]) -> None:
    """Fills the new folder ``out``, or leaves nothing behind. ``source`` says how the model came of
    ``stored``."""
    parameters = counted(model)
    description = Description(
        family="transformer",
        parameters=parameters,
        size_label=size_label(parameters),
        context_length=model.config.context_length,
        dtype=str(model.dtype).removeprefix("torch."),
        source=source,
    )
    texts = replace(stored, source=replace(stored.source, config=model.config, dtype=model.dtype))
    with staged(out) as folder:
        save(model, folder)
        texts.write_texts(folder)
        description.write(folder)
        flush(folder)


def _importance(stored: StoredModel, by: str, calibrate: Path | None, through: Through) -> Importance:
    """Measured in float32, whatever the weights are stored as."""
    if by == "magnitude":
        return METHODS[by](stored.serving(torch.float32), ())
    if calibrate is None:
        raise InvalidArgument(
            f"calibrate: {by} needs a text; name a file, or measure by magnitude", field="calibrate"
        )
    tokenizer, model = Tokenizer(stored.source.tokenizer.tokenizer), stored.serving(torch.float32)
    rows = calibration_rows(calibrate, tokenizer, context=model.context_length, vocabulary=model.vocab_size)
    return METHODS[by](model, through(rows, len(rows)))
