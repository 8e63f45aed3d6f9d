"""A checkpoint's weights as an artefact folder: what ``colonnade models push`` sends.

The folder is also a Hugging Face model folder, with the files and the texts that the platform's own import
would make of it: config.json, model.safetensors, tokenizer.json, tokenizer_config.json,
generation_config.json, and colonnade.json, which says where the weights come from.
"""

import importlib
import json
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from colonnade.errors import InvalidArgument, NotFound, Unsupported
from colonnade.learn.checkpoints.snapshot import Json, Snapshot
from colonnade.models.artefact import (
    CONFIG,
    GENERATION_CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    Description,
    read_config,
)
from colonnade.models.convert.huggingface_tokenizer import read_tokenizer_files
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.models.convert.write import flush, size_label, staged
from colonnade.models.families.catalog import families
from colonnade.models.weights import check_names, check_shapes

Weights = Literal["model", "average"]


class Config(Protocol):
    """What is asked of every family's configuration."""

    @property
    def vocab_size(self) -> int: ...
    @property
    def context_length(self) -> int: ...


class _Family(Protocol):
    """A family's ``checkpoint`` module."""

    def blank(self, config: Config) -> nn.Module: ...
    def save(self, model: nn.Module, folder: Path) -> None: ...


def export(
    snapshot: Snapshot,
    out: Path,
    *,
    family: str,
    config: Config,
    tokenizer: Path,
    end_of_text: int,
    weights: Weights = "model",
    dtype: torch.dtype | None = None,
    source: Mapping[str, Json] | None = None,
) -> Description:
    """Fills the new folder ``out``, or leaves nothing behind.

    ``tokenizer`` is a folder with ``tokenizer.json``, and tokenizer_config.json and generation_config.json if
    it has them. ``dtype`` None keeps that of the weights. ``source`` joins what colonnade.json says of the
    origin (the recipe's digest, the token set's). Raises ``InvalidArgument``, ``NotFound``, ``Unsupported``
    or ``AlreadyExists``."""
    module = _module(family)
    model = module.blank(config)
    found = weights_of(snapshot, weights)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    check_names(set(found), set(expected))
    check_shapes({name: tuple(value.shape) for name, value in found.items()}, expected)
    kept = dtype or reduce(torch.promote_types, (value.dtype for value in found.values()))
    model.load_state_dict(
        {name: _finite(name, value).to(kept) for name, value in found.items()}, strict=True, assign=True
    )
    parameters = sum(value.numel() for value in model.parameters())
    described = Description(
        family=family,
        parameters=parameters,
        size_label=size_label(parameters),
        context_length=config.context_length,
        dtype=str(kept).removeprefix("torch."),
        source={"format": "training", "step": snapshot.step, "weights": weights} | dict(source or {}),
    )
    with staged(out) as folder:
        module.save(model, folder)
        _write_tokenizer(folder, tokenizer, config, end_of_text)
        described.write(folder)
        flush(folder)
    return described


def _module(family: str) -> _Family:
    if family not in families():
        raise Unsupported(
            f"model family {family[:80]!r} is unknown; known are {', '.join(families())}",
            field="family",
            supported=list(families()),
        )
    return cast("_Family", importlib.import_module(f"colonnade.models.families.{family}.checkpoint"))


def weights_of(snapshot: Snapshot, weights: Weights) -> dict[str, Tensor]:
    """By the model's own names; what has no average (it was not trained) is as the model has it."""
    own, averaged = snapshot.group("model"), snapshot.group("average")
    if not own:
        raise NotFound(f"the checkpoint of step {snapshot.step} has no model/ tensors", field="tensors")
    if weights == "model":
        return own
    if not averaged:
        raise NotFound(
            f"the checkpoint of step {snapshot.step} has no averaged weights; export those of the model, or "
            "train with an average",
            field="weights",
        )
    return own | averaged


def _finite(name: str, value: Tensor) -> Tensor:
    if not bool(torch.isfinite(value).all()):
        raise InvalidArgument(f"tensor {name} holds NaN or infinite weights", field=name)
    return value


def _write_tokenizer(folder: Path, tokenizer: Path, config: Config, end_of_text: int) -> None:
    """With what ends a text: generation stops at it."""
    files = read_tokenizer_files(ModelFolder(tokenizer), {"eos_token_id": end_of_text}, config.vocab_size)
    ending = Tokenizer.from_str(files.tokenizer).id_to_token(end_of_text)
    if ending is None:
        raise InvalidArgument(f"{TOKENIZER} has no token {end_of_text} to end a text", field="end_of_text")
    ends = {key: value for key, value in files.generation.items() if value not in (None, [])}
    stated = read_config(folder / CONFIG, CONFIG)
    for name, said in {
        CONFIG: stated | ends,
        TOKENIZER_CONFIG: {"eos_token": ending} | dict(files.config),
        GENERATION_CONFIG: ends,
    }.items():
        (folder / name).write_text(_json(said), encoding="utf-8")
    (folder / TOKENIZER).write_text(files.tokenizer, encoding="utf-8")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
