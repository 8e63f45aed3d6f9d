"""The case ``compression`` from beginning to end, with a tiny model in SmolLM2's place."""

from itertools import count
from pathlib import Path

import pytest

from colonnade.models.convert.command import convert
from evidence.performance import model, targets
from evidence.performance.cases import compression
from evidence.performance.compressed import making
from evidence.performance.result import read
from evidence.performance.suite import Suite
from tests.harness.tiny_model import write_tiny_llama

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SMALL = {"width": 32, "layers": 2, "heads": 2, "kv_heads": 1, "head_width": 16, "hidden": 64}


def test_every_model_is_made_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    convert(write_tiny_llama(tmp_path / "theirs"), tmp_path / "tiny", lambda event: None)
    turns = count(1)
    monkeypatch.setattr(model, "FOLDER", tmp_path / "cache")
    monkeypatch.setattr(model, "folder", lambda: tmp_path / "tiny")
    monkeypatch.setattr(model, "gguf", lambda: tmp_path / "none.gguf")
    monkeypatch.setattr(making, "HIDDEN", 32)
    monkeypatch.setattr(making, "LENGTH", 32)
    monkeypatch.setattr(making, "FLOATING", SMALL)
    monkeypatch.setattr(
        compression, "prompts", lambda streams, length: [[next(turns), *range(3, 2 + length)]]
    )
    monkeypatch.setattr(compression, "STEPS", 3)
    monkeypatch.setattr(compression, "FLOATING_STEPS", 3)
    monkeypatch.setattr(compression, "TOKENS", 4)
    result = compression.run(Suite(threads=1, rounds=1, results=tmp_path))
    again = read(result.write(tmp_path))
    assert [figure.engine for figure in again.figures] == [
        "SmolLM2, float32", "SmolLM2, int8", "SmolLM2, int4", "pruned, float32", "pruned, int4",
    ]  # fmt: skip
    (table,) = again.tables
    assert len(table.rows) == 11
    assert {row[0]: row[2] for row in table.rows}["SmolLM2, float32"] == 1
    lines = [each.at_least if each.at_most is None else each.at_most for each in again.claims]
    assert lines == [
        targets.INT8_PERPLEXITY, targets.INT4_PERPLEXITY, targets.TAUGHT_TO_ALONE,
        targets.ONNX_LOGITS, targets.ONNX_SAME,
    ]  # fmt: skip
    assert again.claims[3].holds
    assert again.claims[4].holds
