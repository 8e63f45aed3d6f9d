"""``python -m colonnade.learn prune``: a model folder with a smaller model."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

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

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    made = commands.add_parser("prune", help="cut heads, neurons and layers out of a model")
    made.add_argument("model", type=Path, metavar="MODEL_FOLDER")
    made.add_argument("--heads", type=int, help="query heads that remain in every layer")
    made.add_argument("--kv-heads", type=int, help="key-value heads that remain in every layer")
    made.add_argument("--hidden", type=int, help="feed-forward neurons that remain in every layer")
    made.add_argument("--layers", type=int, help="layers that remain")
    made.add_argument("--by", choices=METHODS, default="taylor", help="how importance is measured")
    made.add_argument("--calibrate", type=Path, metavar="FILE", help="a text; --by magnitude needs none")
    made.add_argument("--out", type=Path, required=True, help="the folder to write; must not exist")
    made.set_defaults(act=_act)


def _act(options: argparse.Namespace) -> Mapping[str, Any]:
    sizes = Sizes(
        heads=options.heads, kv_heads=options.kv_heads, hidden=options.hidden, layers=options.layers
    )
    return prune_folder(options.model, options.out, sizes, by=options.by, calibrate=options.calibrate)


def prune_folder(
    model: Path, out: Path, sizes: Sizes, *, by: str, calibrate: Path | None = None
) -> Mapping[str, Any]:
    """Fills the new folder ``out``, or leaves nothing behind; what there is to say of it.

    Raises a ``ColonnadeError`` that names the field."""
    stored = StoredModel.open(model)
    loaded = stored.serving()
    smaller(loaded.config, sizes)  # refused before minutes of work
    pruned = prune(loaded, sizes, _importance(stored, by, calibrate))
    before, after = (sum(value.numel() for value in each.parameters()) for each in (loaded, pruned))
    description = Description(
        family="transformer",
        parameters=after,
        size_label=size_label(after),
        context_length=pruned.config.context_length,
        dtype=str(pruned.dtype).removeprefix("torch."),
        source={"format": "pruning", "digest": stored.digest, "by": by, "parameters_before": before},
    )
    _write(pruned, stored, description, out)
    config = pruned.config
    return {
        "parameters_before": before, "parameters": after, "heads": config.heads,
        "kv_heads": config.kv_heads, "hidden": config.hidden, "layers": config.layers,
    }  # fmt: skip


def _importance(stored: StoredModel, by: str, calibrate: Path | None) -> Importance:
    """Measured in float32, whatever the weights are stored as."""
    if by == "magnitude":
        return METHODS[by](stored.serving(torch.float32), ())
    if calibrate is None:
        raise InvalidArgument(
            f"calibrate: {by} needs a text; name a file, or measure by magnitude", field="calibrate"
        )
    tokenizer, model = Tokenizer(stored.source.tokenizer.tokenizer), stored.serving(torch.float32)
    rows = calibration_rows(calibrate, tokenizer, context=model.context_length, vocabulary=model.vocab_size)
    return METHODS[by](model, rows)


def _write(pruned: Transformer, stored: StoredModel, description: Description, out: Path) -> None:
    source = replace(stored.source, config=pruned.config, dtype=pruned.dtype)
    with staged(out) as folder:
        save(pruned, folder)
        replace(stored, source=source).write_texts(folder)
        description.write(folder)
        flush(folder)
