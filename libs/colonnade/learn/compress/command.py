"""``python -m colonnade.learn prune``: a model folder with a smaller model."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colonnade.learn.compress.importance import METHODS
from colonnade.learn.compress.making import counted, pruned, write_made
from colonnade.learn.compress.pruning import Sizes, sizes_of
from colonnade.learn.stored_model import StoredModel

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
    made, before = pruned(stored, sizes, by=by, calibrate=calibrate), stored.parameters
    write_made(
        made,
        stored,
        out,
        {"format": "pruning", "digest": stored.digest, "by": by, "parameters_before": before},
    )
    return {"parameters_before": before, "parameters": counted(made), **sizes_of(made.config)}
