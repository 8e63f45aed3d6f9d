"""A model folder as an ONNX model (https://onnx.ai): one graph for prompts and for single tokens.

The folder that is written:

model.onnx           the graph of ``graph.py`` in float32; batch, tokens and past are of any size
model.onnx.data      its weights, where they are more than a protobuf message should hold
tokenizer.json, config.json and the other texts of the model folder, as they are there

Tensors: ``input_ids`` (B, T) and ``attention_mask`` (B, P + T), int64; ``past_key_values.<layer>.key`` and
``.value`` (B, K, P, d), float32; ``logits`` (B, T, V) and ``present.<layer>.key`` and ``.value``
(B, K, P + T, d), float32.
"""

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from colonnade.errors import Unsupported
from colonnade.learn.export.graph import CachedGraph
from colonnade.learn.export.names import LOGITS, MASK, MODEL_FILE, TOKENS, past_names, present_names
from colonnade.learn.stored_model import StoredModel
from colonnade.models.convert.write import flush, staged
from colonnade.models.families.transformer.model import Transformer

OPSET = 20
MOST_INSIDE = 256 << 20
"""Bytes of weights in ``model.onnx`` itself; protobuf ends at 2 GB, and readers copy what is in a message."""


def export_onnx(model: Path, out: Path, *, most_inside: int = MOST_INSIDE) -> None:
    """Fills the new folder ``out`` from the model folder ``model``, or leaves nothing behind.

    Raises ``InvalidArgument``, ``NotFound``, ``Unsupported`` or ``AlreadyExists``."""
    require_onnx()
    stored = StoredModel.open(model)
    loaded = stored.serving(torch.float32)
    with staged(out) as folder:
        write_graph(loaded, folder / MODEL_FILE, most_inside=most_inside)
        stored.write_texts(folder)
        flush(folder)


def write_graph(model: Transformer, path: Path, *, most_inside: int = MOST_INSIDE) -> None:
    import onnx

    program = _program(model)
    program.save(path, external_data=model.memory_bytes > most_inside)
    onnx.checker.check_model(path)


def require_onnx() -> None:
    """Refuses with what is to be installed, before minutes of work."""
    missing = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing:
        raise Unsupported(
            f"to export, install {' and '.join(missing)}: pip install 'colonnade[export]'", field="to"
        )


def _program(model: Transformer) -> Any:
    """Traced with 2 rows, 3 tokens and 5 positions before: sizes that are unlike, and neither 0 nor 1, which
    tracing would take for constants."""
    config = model.config
    rows, tokens, before = 2, 3, 5
    past = torch.zeros(rows, config.kv_heads, before, config.head_width)
    given = (
        torch.zeros(rows, tokens, dtype=torch.long),
        torch.ones(rows, before + tokens, dtype=torch.long),
        [past.clone() for _ in past_names(config)],
    )
    batch, length, cached = (torch.export.Dim(name) for name in ("batch", "tokens", "past"))
    shapes = (
        {0: batch, 1: length},
        {0: batch, 1: torch.export.Dim.DYNAMIC},
        [{0: batch, 2: cached} for _ in past_names(config)],
    )
    with _quietly():
        return torch.onnx.export(
            CachedGraph(model).eval(),
            given,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            dynamic_shapes=shapes,
            input_names=[TOKENS, MASK, *past_names(config)],
            output_names=[LOGITS, *present_names(config)],
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """The exporter warns of its own deprecated calls, of names that two axes share, and of torchvision, which
    nothing here needs."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*(LeafSpec|axis name)")
            yield
    finally:
        log.setLevel(before)
