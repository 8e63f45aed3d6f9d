"""Layers that share learn as one; what is stored of them is an ordinary model that gives the same."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from colonnade.errors import InvalidArgument
from colonnade.learn.checkpoints import CheckpointManager, Snapshot
from colonnade.learn.checkpoints.export import export
from colonnade.learn.compress.settings import Sharing
from colonnade.learn.compress.sharing import expanded, expanded_snapshot, share
from colonnade.models.artefact import DESCRIPTION, WEIGHTS, Description
from colonnade.models.families.catalog import load
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.objective import next_token
from tests.harness.tiny_model import write_tiny_llama

TOKENS_BT = torch.arange(24).reshape(2, 12)


def built(layers: int = 5) -> Transformer:
    torch.manual_seed(1)
    return Transformer(
        TransformerConfig(
            vocab_size=320, context_length=32, width=16, layers=layers, heads=2, kv_heads=1, head_width=8,
            hidden=24, windows=(4, None, None, None, None)[:layers], qkv_bias=True,
        )
    )  # fmt: skip


def count(model: Transformer) -> int:
    return sum(value.numel() for value in model.parameters())


def learn(model: Transformer, steps: int = 3) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        torch.autograd.backward(next_token(model, TOKENS_BT[:, :-1], TOKENS_BT[:, 1:]).nll)
        optimiser.step()
        optimiser.zero_grad()


def test_who_owns_what() -> None:
    assert Sharing(kind="cyclic", distinct=2).owners(5) == (0, 1, 0, 1, 0)
    assert Sharing(kind="runs", distinct=2).owners(5) == (0, 0, 0, 3, 3)
    assert (
        Sharing(kind="runs", distinct=1).owners(3)
        == Sharing(kind="cyclic", distinct=1).owners(3)
        == (0, 0, 0)
    )


@given(st.sampled_from(["cyclic", "runs"]), st.integers(1, 12), st.integers(0, 20))
def test_as_many_owners_as_are_distinct(kind: Any, distinct: int, more: int) -> None:
    owners = Sharing(kind=kind, distinct=distinct).owners(distinct + more)
    assert len(owners) == distinct + more
    assert len(set(owners)) == distinct
    assert all(owners[owner] == owner <= layer for layer, owner in enumerate(owners))


@pytest.mark.parametrize(
    "sharing",
    [
        Sharing(kind="cyclic", distinct=2),
        Sharing(kind="runs", distinct=3),
        Sharing(kind="cyclic", distinct=5),
    ],
    ids=str,
)
def test_a_weight_is_there_once_and_learns_from_every_layer(sharing: Sharing) -> None:
    plain, shared = built(), share(built(), sharing)
    block = count(built(2)) - count(built(1))
    assert count(plain) - count(shared) == (5 - sharing.distinct) * block
    learn(shared)
    told = expanded(shared)
    assert count(told) == count(plain)
    assert torch.equal(told.forward_full(TOKENS_BT), shared.forward_full(TOKENS_BT))
    gate = "feed_forward.gate.weight"
    found = [told.get_parameter(f"blocks.{layer}.{gate}") for layer in range(5)]
    for layer, owner in enumerate(sharing.owners(5)):
        assert torch.equal(found[layer], found[owner])
        assert (found[layer].data_ptr() == found[owner].data_ptr()) == (layer == owner)


def test_the_gradient_is_the_sum_over_the_layers() -> None:
    shared = share(built(), Sharing(kind="cyclic", distinct=2))
    plain = expanded(shared).requires_grad_(True)
    for model in (shared, plain):
        torch.autograd.backward(next_token(model, TOKENS_BT[:, :-1], TOKENS_BT[:, 1:]).nll)
    gate = "feed_forward.gate.weight"
    grads = [plain.get_parameter(f"blocks.{layer}.{gate}").grad for layer in (0, 2, 4)]
    assert all(grad is not None for grad in grads)
    found = shared.get_parameter(f"blocks.0.{gate}").grad
    torch.testing.assert_close(found, torch.stack([g for g in grads if g is not None]).sum(0))


def test_a_checkpoint_of_it_exports_as_an_ordinary_model_that_says_so(tmp_path: Path) -> None:
    tokenizer = write_tiny_llama(tmp_path / "tokenizer")
    (tokenizer / WEIGHTS).unlink()
    sharing = Sharing(kind="runs", distinct=2)
    shared = share(built(), sharing)
    learn(shared)
    out = tmp_path / "out"
    with CheckpointManager(tmp_path / "run") as checkpoints:
        tensors = {f"model/{name}": value for name, value in shared.state_dict().items()}
        checkpoints.save(Snapshot(3, 0.1, tensors), wait=True)
        snapshot = expanded_snapshot(checkpoints.load(3), sharing, 5)
    export(
        snapshot, out, family="transformer", config=shared.config, tokenizer=tokenizer, end_of_text=0,
        source=sharing.facts(),
    )  # fmt: skip
    described = Description.read(out / DESCRIPTION)
    assert described.source["sharing"] == {"kind": "runs", "distinct": 2}
    assert described.parameters == count(built())
    back = load({path.name: path for path in out.iterdir()})
    assert isinstance(back, Transformer)
    assert torch.equal(back.forward_full(TOKENS_BT), shared.forward_full(TOKENS_BT))


def test_what_cannot_be_is_refused() -> None:
    for wrong in ({"kind": "all", "distinct": 1}, {"kind": "runs", "distinct": 0}):
        with pytest.raises(ValidationError):
            Sharing.model_validate(wrong)
    with pytest.raises(InvalidArgument, match="at most the model's 5 layers") as refused:
        share(built(), Sharing(distinct=6))
    assert refused.value.details["field"] == "model.share.distinct"
