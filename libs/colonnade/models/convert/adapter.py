"""A folder that PEFT saved, as the version of an adapter: checked against its base, then written again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.adapters import Site
from colonnade.models.adapters.peft import CONFIG, WEIGHTS, read_parts
from colonnade.models.artefact import CONFIG as MODEL_CONFIG
from colonnade.models.artefact import Description, read_config
from colonnade.models.convert.huggingface_weights import refuse_pickle
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.models.convert.progress import Progress
from colonnade.models.convert.write import flush, size_label, staged
from colonnade.models.families.transformer.checkpoint import blank
from colonnade.models.families.transformer.hugging_face import from_hugging_face

FAMILY = "lora"
BASES = ("transformer",)
"""Families whose models take adapters."""


@dataclass(frozen=True, slots=True)
class Base:
    """The model version that an adapter belongs to."""

    digest: str
    description: Path
    """Its colonnade.json."""
    config: Path
    """Its config.json."""


@dataclass(frozen=True, slots=True)
class AdapterSource:
    """An adapter that fits its base; ``files`` are those that were read."""

    base: Base
    about: Description
    config: Mapping[str, object]
    tensors: Mapping[str, Tensor]
    files: tuple[Path, ...]


def is_adapter(path: Path) -> bool:
    return (path / CONFIG).is_file()


def open_adapter(path: Path, base: Base) -> AdapterSource:
    """Reads and checks everything. Raises a ``ColonnadeError`` naming what does not fit."""
    about = Description.read(base.description)
    if about.family not in BASES:
        raise Unsupported(
            f"models of family {about.family} take no adapters; {', '.join(BASES)} does",
            field="base", supported=list(BASES),
        )  # fmt: skip
    folder = ModelFolder(path)
    config = folder.config(CONFIG)
    if not folder.has(WEIGHTS):
        for entry in sorted(path.iterdir()):
            refuse_pickle(entry)
    files = {name: folder.file(name) for name in (CONFIG, WEIGHTS)}
    read_parts(files, sites_of(base), dtype=None, device="cpu")
    with safe_open(files[WEIGHTS], framework="pt") as weights:
        tensors = {name: weights.get_tensor(name) for name in sorted(weights.keys())}
    return AdapterSource(base, about, config, tensors, tuple(files.values()))


def sites_of(base: Base) -> Mapping[str, Site]:
    """The layers of the base that an adapter may change."""
    config = from_hugging_face(read_config(base.config, MODEL_CONFIG))
    return blank(config).adapters.sites


def write_adapter(source: AdapterSource, digest: str, out: Path, progress: Progress) -> Description:
    """Fills the new folder ``out``, or leaves nothing behind. ``digest`` is that of the source's files."""
    parameters = sum(tensor.numel() for tensor in source.tensors.values())
    description = Description(
        family=FAMILY,
        parameters=parameters,
        size_label=size_label(parameters),
        context_length=source.about.context_length,
        dtype=str(next(iter(source.tensors.values())).dtype).removeprefix("torch."),
        source={"format": "peft", "digest": digest},
        base=source.base.digest,
    )
    # Where its maker kept the base, often a folder of theirs: the digest says it better.
    config = dict(source.config) | {"base_model_name_or_path": None}
    with staged(out) as folder:
        save_file(dict(source.tensors), folder / WEIGHTS, metadata={"format": "pt"})
        (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        description.write(folder)
        flush(folder)
    progress.report("write", 1, 1)
    return description


def no_base() -> InvalidArgument:
    return InvalidArgument(
        "this is an adapter: give the model version that it was made for as base", field="base"
    )
