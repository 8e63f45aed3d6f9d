import json
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from colonnade.errors import AlreadyExists
from colonnade.models.convert.command import convert
from colonnade.models.convert.progress import Progress
from colonnade.models.convert.write import size_label
from tests.unit.models.running import randomised
from tests.unit.models.tiny_gguf import write_gguf


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "m.gguf", randomised())


def test_the_folder_is_complete(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "out", lambda _: None)
    names = {"colonnade.json", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names | {"generation_config.json"}
    described = json.loads((tmp_path / "out" / "colonnade.json").read_text())
    digest = described["source"].pop("digest")
    assert digest.startswith("sha256:")
    assert described == {
        "format": 1,
        "family": "transformer",
        "parameters": sum(p.numel() for p in randomised().parameters()),
        "size_label": "31K",
        "context_length": 128,
        "dtype": "float32",
        "source": {"format": "gguf"},
    }


def test_weights_lie_aligned(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "out", lambda _: None)
    raw = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert int.from_bytes(raw[:8], "little") % 64 == 0
    assert load_file(tmp_path / "out" / "model.safetensors")["model.norm.weight"].shape == (32,)


def test_the_same_source_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        convert(source, tmp_path / name, lambda _: None)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_an_empty_folder_may_be_there(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    convert(source, tmp_path / "out", lambda _: None)
    assert (tmp_path / "out" / "config.json").exists()
    assert stat.S_ISDIR((tmp_path / "out").stat().st_mode)


@pytest.mark.parametrize(
    "make", [lambda out: out.write_text("mine"), lambda out: (out / "mine").mkdir(parents=True)]
)
def test_nothing_is_overwritten(source: Path, tmp_path: Path, make: Any) -> None:
    make(tmp_path / "out")
    with pytest.raises(AlreadyExists, match="not empty"):
        convert(source, tmp_path / "out", lambda _: None)


def test_an_interruption_leaves_nothing(source: Path, tmp_path: Path) -> None:
    def interrupt(event: dict[str, Any]) -> None:
        if event.get("stage") == "convert" and event["done"] > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(source, tmp_path / "out", interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["m.gguf"]


@pytest.mark.parametrize(
    ("parameters", "claimed", "label"),
    [
        (134_515_008, "135M", "135M"),
        (134_515_008, None, "135M"),
        (1_235_814_400, "1B", "1B"),
        (1_235_814_400, None, "1.2B"),
        (7_241_732_096, None, "7.2B"),
        (1_000_000_000, None, "1B"),
        (31_000, "7B", "31K"),
        (31_000, "../../7B", "31K"),
        (12, None, "0.012K"),
        (70_553_706_496, None, "71B"),
    ],
)
def test_size_labels(parameters: int, claimed: str | None, label: str) -> None:
    assert size_label(parameters, claimed) == label


@given(total=st.integers(1, 100_000))
def test_progress_is_frequent_and_bounded(total: int) -> None:
    events: list[dict[str, Any]] = []
    progress = Progress(events.append)
    for done in range(0, total + 1, max(1, total // 500)):
        progress.report("read", done, total)
    progress.report("read", total, total)
    assert len(events) <= 103
    assert events[-1]["done"] == total
    gaps = [later["done"] - earlier["done"] for earlier, later in pairwise(events)]
    assert all(gap <= total / 50 + 2 for gap in gaps)
