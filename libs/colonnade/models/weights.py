"""The weights of a version: exactly the tensors that its configuration implies, of exactly those shapes."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.models.artefact import WEIGHTS
from colonnade.security.inputs import escape_log

Shapes = Mapping[str, tuple[int, ...]]


def read_weights(
    path: Path, expected: Shapes, dtype: torch.dtype | None, device: torch.device | str
) -> dict[str, Tensor]:
    """Every tensor by its stored name, mapped into memory; ``dtype`` None keeps the stored one."""
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            check_names(set(file.keys()), set(expected))
            check_shapes({name: tuple(file.get_slice(name).get_shape()) for name in expected}, expected)
            return {name: _cast(file.get_tensor(name), dtype) for name in expected}
    except (SafetensorError, OSError) as error:
        raise InvalidArgument(f"{WEIGHTS} is damaged or not a safetensors file", field=WEIGHTS) from error


def _cast(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    return value if dtype is None else value.to(dtype)


def check_names(found: set[str], expected: set[str]) -> None:
    """Refuses a checkpoint with more or fewer tensors than its configuration implies, naming some."""
    for what, names in (("lacks", expected - found), ("should not have", found - expected)):
        if names:
            shown = [escape_log(name[:80]) for name in sorted(names)[:8]]
            raise InvalidArgument(
                f"by its configuration the checkpoint {what} {len(names)} tensors: {', '.join(shown)}",
                field="tensors",
                names=shown,
            )


def check_shapes(found: Shapes, expected: Shapes) -> None:
    """Refuses a tensor whose shape is not the one that the configuration implies."""
    for name, shape in found.items():
        if shape != expected[name]:
            raise InvalidArgument(
                f"tensor {name} has shape {list(shape)}, its configuration implies {list(expected[name])}",
                field=name,
            )
