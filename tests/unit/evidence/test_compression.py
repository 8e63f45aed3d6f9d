"""Who judges models that were made smaller, and what is made of it."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from colonnade.engine.kernels.pack import Weights
from colonnade.models.convert.command import convert
from colonnade.models.families import catalog
from colonnade.models.families.transformer import Transformer
from evidence.performance.cases.compression import Judged, _claims, _table
from evidence.performance.compressed.judge import make
from tests.harness.tiny_model import write_tiny_llama


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("judged")
    convert(write_tiny_llama(place / "theirs"), place / "ours", lambda event: None)
    return place / "ours"


def test_surprise_is_the_cross_entropy_of_a_rows_targets(folder: Path) -> None:
    model = catalog.load({path.name: path for path in folder.iterdir()}, dtype=torch.float32)
    assert isinstance(model, Transformer)
    row = list(range(5, 25))
    found = make(str(folder), "float32", 1).surprise([row[:-1]] * 2, [row[1:]] * 2)
    logits_TV = model.forward_full(torch.tensor([row[:-1]]))[0]
    expected = float(F.cross_entropy(logits_TV, torch.tensor(row[1:])))
    assert found == pytest.approx([expected] * 2, rel=1e-5)


def test_fewer_bits_are_fewer_bytes(folder: Path) -> None:
    forms: tuple[Weights, ...] = ("float32", "int8", "int4")
    sizes = [make(str(folder), weights, 1).weight_bytes() for weights in forms]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < sizes[0] / 3


def test_lines_are_of_the_models_that_they_name() -> None:
    small = "small, trained in float32"
    found = {
        f"{small}, float32": Judged(4 << 20, [1.0, 2.0]),
        f"{small}, int8": Judged(1 << 20, [1.0, 2.0]),
        f"{small}, int4": Judged(1 << 19, [1.2, 2.2]),
        "SmolLM2, float32": Judged(8 << 20, [3.0, 3.0]),
        "pruned, then the text, float32": Judged(6 << 20, [3.4, 3.6]),
        "pruned, then its teacher, float32": Judged(6 << 20, [3.3, 3.5]),
    }
    int8, int4, taught = _claims(found)
    assert (int8.measured.median, int8.holds) == (1.0, True)
    assert int4.measured.median == pytest.approx(math.exp(0.2))
    assert not int4.holds
    assert taught.measured.median == pytest.approx(math.exp(-0.1))
    assert taught.holds
    rows = {str(row[0]): row[1:] for row in _table(found).rows}
    assert rows[f"{small}, int4"] == [0.5, 0.125, round(math.exp(1.7), 3), round(math.exp(0.2), 4)]
    assert rows["pruned, then the text, float32"][1] == 0.75
