"""A model folder as a model of a Triton Inference Server repository, run by its ONNX Runtime backend.

What is written (https://docs.nvidia.com/deeplearning/triton-inference-server, "Model Repository"):

<repository>/<name>/config.pbtxt           tensors, batching: the fields of Triton's ModelConfig
<repository>/<name>/<version>/model.onnx   and model.onnx.data, see ``onnx.py``
<repository>/<name>/<version>/tokenizer/   tokenizer.json, config.json ...: Triton reads nothing of it

A further version joins a model that is there already, if its tensors are the same. Triton makes batches of
requests whose shapes are equal; a sender pads what is to be in one batch. The past of a first call is best
one position whose ``attention_mask`` is 0: not every way into the server takes tensors without elements.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from colonnade.errors import Conflict, InvalidArgument
from colonnade.learn.export.names import LOGITS, MASK, MODEL_FILE, TOKENS, past_names, present_names
from colonnade.learn.export.onnx import require_onnx, write_graph
from colonnade.learn.stored_model import StoredModel
from colonnade.models.convert.write import flush, staged
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.security.inputs import model_name

CONFIG_FILE = "config.pbtxt"
TOKENIZER_FOLDER = "tokenizer"
MOST_ROWS = 8
WAIT_MICROSECONDS = 1000
"""How long a request waits for others of its shape."""
LIMITS = {"version": 1 << 31, "rows": 1 << 16}


def export_triton(
    model: Path, repository: Path, name: str, *, version: int = 1, rows: int = MOST_ROWS
) -> None:
    """Adds ``<repository>/<name>/<version>``, or leaves nothing behind. ``rows``: of the largest batch.

    Raises ``InvalidArgument``, ``NotFound``, ``Unsupported``, ``AlreadyExists``, or ``Conflict`` where the
    model that is there has other tensors or batches."""
    require_onnx()
    _check("version", version)
    _check("rows", rows)
    stored = StoredModel.open(model)
    loaded = stored.serving(torch.float32)
    text = triton_config(loaded.config, model_name(name, "name"), rows)
    place = repository / name
    if _joins(place, text):
        with staged(place / str(version)) as folder:
            _fill(folder, loaded, stored)
        return
    with staged(place) as folder:
        (folder / str(version)).mkdir()
        _fill(folder / str(version), loaded, stored)
        (folder / CONFIG_FILE).write_text(text, encoding="utf-8")
        flush(folder)


def triton_config(config: TransformerConfig, name: str, rows: int = MOST_ROWS) -> str:
    """``config.pbtxt``. Dimensions are without the batch's, as ``max_batch_size`` asks."""
    past = [config.kv_heads, -1, config.head_width]
    inputs = [(TOKENS, "TYPE_INT64", [-1]), (MASK, "TYPE_INT64", [-1])]
    inputs += [(each, "TYPE_FP32", past) for each in past_names(config)]
    outputs = [(LOGITS, "TYPE_FP32", [-1, config.vocab_size])]
    outputs += [(each, "TYPE_FP32", past) for each in present_names(config)]
    lines = [
        f'name: "{name}"',
        'backend: "onnxruntime"',
        f'default_model_filename: "{MODEL_FILE}"',
        f"max_batch_size: {rows}",
        *(_tensor("input", *each) for each in inputs),
        *(_tensor("output", *each) for each in outputs),
        f"dynamic_batching {{ max_queue_delay_microseconds: {WAIT_MICROSECONDS} }}",
        "version_policy { latest { num_versions: 1 } }",
    ]
    return "\n".join(lines) + "\n"


def _tensor(field: str, name: str, kind: str, dims: Sequence[int]) -> str:
    sizes = ", ".join(map(str, dims))
    return f'{field} {{ name: "{name}" data_type: {kind} dims: [ {sizes} ] }}'


def _joins(place: Path, text: str) -> bool:
    """Whether the model is there already. Raises ``Conflict`` where it is another one."""
    there = place / CONFIG_FILE
    if not there.is_file():
        return False
    if there.read_text(encoding="utf-8") != text:
        raise Conflict(
            "the repository has a model of that name with another config.pbtxt; name another, or remove it",
            field="name",
        )
    return True


def _fill(folder: Path, model: Transformer, stored: StoredModel) -> None:
    write_graph(model, folder / MODEL_FILE)
    texts = folder / TOKENIZER_FOLDER
    texts.mkdir()
    stored.write_texts(texts)
    flush(texts)
    flush(folder)


def _check(field: str, value: int) -> None:
    if not 1 <= value <= LIMITS[field]:
        raise InvalidArgument(
            f"{field} is {value}; it must be between 1 and {LIMITS[field]}", field=field, limit=LIMITS[field]
        )
