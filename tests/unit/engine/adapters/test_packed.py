"""Adapters on a model as the engine keeps it: packed weights, fused layers, the native low-rank kernel."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
import torch

from colonnade.engine.cache import CacheBudget, StateStore
from colonnade.engine.kernels.low_rank import added_natively
from colonnade.engine.kernels.native import library
from colonnade.engine.kernels.pack import Weights
from colonnade.engine.precision import Precision
from colonnade.models.adapters import bank_of
from colonnade.models.families import catalog
from colonnade.models.families.transformer import Transformer
from colonnade.models.protocol import Batch, LanguageModel, Span
from tests.unit.engine.adapters.made import random_parts
from tests.unit.engine.test_precision import _files
from tests.unit.models.adapter_files import merged

TOKENS = [[5, 17, 3, 88, 41, 9], [60, 2, 30], [7], [11, 12, 13, 14]]
ADAPTERS = ["a", None, "b", "a"]


def rows(model: LanguageModel, adapters: Sequence[str | None]) -> list[torch.Tensor]:
    """Logits of all positions of all texts, through paged state, in one forward."""
    store = StateStore(model.states, dtype=torch.float32, device=torch.device("cpu"))
    store.join(CacheBudget(1 << 24))
    spans = []
    for handle, (tokens, adapter) in enumerate(zip(TOKENS, adapters, strict=True)):
        assert store.open(handle, 64)
        assert store.extend(handle, len(tokens))
        spans.append(Span(handle, tokens, 0, commit=len(tokens), want=range(len(tokens)), adapter=adapter))
    with torch.inference_mode():
        batch = Batch.of(spans)
        logits = model.forward(batch, store.view(batch)).logits_WV
    return list(torch.split(logits, [len(tokens) for tokens in TOKENS]))


@pytest.mark.skipif(library() is None, reason="no C++ compiler")
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_packed_and_fused_layers_take_adapters_row_by_row(tmp_path: Path, weights: Weights) -> None:
    files = _files(tmp_path)
    model, _ = Precision.chosen(weights, "cpu").load(catalog.load, files)
    bank = bank_of(model)
    assert bank is not None
    assert bank.kernel is added_natively
    parts = {"a": random_parts(bank, 4, seed=1), "b": random_parts(bank, 9, ["q_proj", "down_proj"], 2)}
    plain = rows(model, [None] * 4)
    for digest, each in parts.items():
        bank.add(digest, each)
    found = rows(model, ADAPTERS)
    assert torch.equal(found[1], plain[1])
    close = 1e-4 if weights == "float32" else 0.02
    for index, name in enumerate(ADAPTERS):
        if name is None:
            continue
        whole = cast("Transformer", catalog.load(files, dtype=torch.float32))
        expected = rows(cast("LanguageModel", merged(whole, parts[name])), [None] * 4)[index]
        torch.testing.assert_close(found[index], expected, rtol=close, atol=close)
        assert (found[index] - plain[index]).abs().max() > 3 * close
