import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from colonnade.engine import precision
from colonnade.engine.kernels.pack import Weights
from colonnade.engine.precision import Cache, Precision
from colonnade.errors import Unsupported
from colonnade.models.families import catalog
from colonnade.models.families.transformer.checkpoint import save
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.presets import debug
from colonnade.models.protocol import LanguageModel


def _files(folder: Path, kinds: Mapping[str, int] | None = None) -> dict[str, Path]:
    """A tiny model on disk; ``kinds`` as if it came from a quantised file."""
    torch.manual_seed(0)
    model = Transformer(debug()).bfloat16()
    save(model, folder)
    described = {
        "format": 1,
        "family": "transformer",
        "parameters": sum(each.numel() for each in model.parameters()),
        "size_label": "1K",
        "context_length": 128,
        "dtype": "bfloat16",
        "source": {"format": "gguf", "kinds": kinds} if kinds else {},
    }
    (folder / "colonnade.json").write_text(json.dumps(described))
    return {path.name: path for path in folder.iterdir()}


def _load(chosen: Precision, files: Mapping[str, Path]) -> tuple[LanguageModel, str]:
    return chosen.load(catalog.load, files)


@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ("auto", "bfloat16"),
        ("stored", "bfloat16"),
        ("float32", "float32"),
        ("bfloat16", "bfloat16"),
        ("int8", "int8"),
        ("int4", "int4"),
    ],
)
def test_what_is_asked_for_is_what_is_kept(tmp_path: Path, weights: Weights, name: str) -> None:
    model, told = _load(Precision.chosen(weights, "cpu"), _files(tmp_path))
    assert told == name
    assert model.dtype == torch.float32


def test_auto_takes_8_bits_of_a_quantised_file_that_fits_no_grid(tmp_path: Path) -> None:
    files = _files(tmp_path, {"Q6_K": 1000})
    assert _load(Precision.chosen("auto", "cpu"), files)[1] == "int8"


@pytest.mark.parametrize(
    ("weights", "name"),
    [("auto", "float32"), ("stored", "float32"), ("float32", "float32"), ("bfloat16", "bfloat16")],
)
def test_without_native_kernels_torch_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: Weights, name: str
) -> None:
    monkeypatch.setattr(precision, "library", lambda: None)
    chosen = Precision.chosen(weights, "cpu")
    assert not chosen.packed
    assert _load(chosen, _files(tmp_path))[1] == name


def test_few_bits_are_possible_without_native_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "library", lambda: None)
    assert _load(Precision.chosen("int4", "cpu"), _files(tmp_path))[1] == "int4"


@pytest.mark.parametrize("weights", ["int8", "int4"])
def test_few_bits_are_for_the_cpu(weights: Weights) -> None:
    with pytest.raises(Unsupported, match="weights=bfloat16") as refusal:
        Precision.chosen(weights, "cuda")
    assert refusal.value.details["field"] == "weights"


def test_another_device_keeps_plain_floats() -> None:
    for weights in ("auto", "bfloat16"):
        chosen = Precision.chosen(weights, "cuda")
        assert not chosen.packed
        assert chosen.bytes_for(1000, 2000, {}) == 2000


@pytest.mark.parametrize("weights", ["auto", "stored", "float32", "bfloat16", "int8", "int4"])
def test_the_estimate_is_about_what_it_takes(tmp_path: Path, weights: Weights) -> None:
    """To within the norms, and what is rounded up to whole blocks."""
    files = _files(tmp_path)
    chosen = Precision.chosen(weights, "cpu")
    parameters = json.loads(files["colonnade.json"].read_text())["parameters"]
    estimate = chosen.bytes_for(parameters, files["model.safetensors"].stat().st_size, files)
    assert estimate == pytest.approx(_load(chosen, files)[0].memory_bytes, rel=0.25)


def test_the_estimate_knows_what_a_quantised_file_had(tmp_path: Path) -> None:
    files = _files(tmp_path, {"Q4_1": 6400, "Q8_0": 800, "F32": 10})
    chosen = Precision.chosen("auto", "cpu")
    assert chosen.bytes_for(7210, 4 * 7210, files) == 6400 * 5 // 8 + 850 + 40
    assert chosen.bytes_for(0, 1234, {}) == 1234


@pytest.mark.parametrize(
    ("cache", "kept", "expected"),
    [
        ("auto", "int4", torch.float16),
        ("auto", "bfloat16", torch.float16),
        ("auto", "float32", None),
        ("float32", "int4", torch.float32),
        ("bfloat16", "float32", torch.bfloat16),
    ],
)
def test_the_cache_is_as_exact_as_the_weights(cache: Cache, kept: str, expected: torch.dtype | None) -> None:
    assert Precision(packed=True, cache=cache).of_pages(kept) == expected


def test_what_is_not_packed_is_cached_as_it_is_computed() -> None:
    assert Precision("bfloat16").of_pages("bfloat16") is None
