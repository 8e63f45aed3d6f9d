"""Which layers get a part, what is merged, and how a model is met without its adapter."""

import pytest
import torch

from colonnade.errors import InvalidArgument
from colonnade.learn.flops import count_flops, flops_a_token
from colonnade.learn.loop.samples import continued
from colonnade.learn.tuning.adapting import adapt, chosen, merge, parts, sites_of
from colonnade.learn.tuning.settings import LoraTuning
from colonnade.models.families.transformer import Transformer, presets
from colonnade.models.layers.lora import LoRALinear, bare
from tests.unit.models.tiny_hf import tokenizer

TOKENS = torch.arange(40)[None]
SETTINGS = LoraTuning(rank=3, alpha=6.0, targets=("q_proj", "up_proj"))


def _adapted(settings: LoraTuning = SETTINGS) -> Transformer:
    """With an adapter that has learnt something."""
    torch.manual_seed(0)
    model = Transformer(presets.debug())
    adapt(model, settings)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoRALinear):
                layer.up.normal_(std=0.1)
    return model


def test_only_the_parts_of_the_targets_learn() -> None:
    model = _adapted()
    learnt = {name for name, each in model.named_parameters() if each.requires_grad}
    expected = {
        f"blocks.{layer}.{module}.{side}"
        for layer in range(3)
        for module in ("attention.query", "feed_forward.up")
        for side in ("down", "up")
    }
    assert learnt == expected


def test_all_that_can_where_no_target_is_named_and_a_wrong_one_is_refused() -> None:
    model = Transformer(presets.debug())
    assert chosen(model, LoraTuning()).keys() == sites_of(model).keys()
    with pytest.raises(InvalidArgument, match="no layer embed_tokens, qkv; it has down_proj, gate_proj"):
        chosen(model, LoraTuning(targets=("qkv", "q_proj", "embed_tokens")))


def test_without_its_adapter_a_model_is_its_base_bit_for_bit() -> None:
    torch.manual_seed(0)
    base = Transformer(presets.debug())
    model = _adapted()
    whole = model.forward_full(TOKENS)
    with bare(model):
        torch.testing.assert_close(model.forward_full(TOKENS), base.forward_full(TOKENS), rtol=0, atol=0)
    assert not torch.allclose(whole, base.forward_full(TOKENS), atol=1e-3)
    torch.testing.assert_close(model.forward_full(TOKENS), whole, rtol=0, atol=0)


def test_merged_it_computes_the_same() -> None:
    model = _adapted()
    torch.manual_seed(0)
    base = Transformer(presets.debug())
    learnt = dict(model.named_parameters())
    assert set(parts(learnt, sites_of(base))) == chosen(base, SETTINGS).keys()
    merge(base, learnt, 2.0)
    torch.testing.assert_close(base.forward_full(TOKENS), model.forward_full(TOKENS), rtol=1e-4, atol=1e-5)


def test_dropout_is_of_training_alone() -> None:
    model = _adapted(LoraTuning(rank=3, dropout=0.5))
    assert not torch.equal(model.forward_full(TOKENS), model.forward_full(TOKENS))
    model.eval()
    assert torch.equal(model.forward_full(TOKENS), model.forward_full(TOKENS))
    model.train()
    random = torch.get_rng_state()
    spelt = tokenizer()
    said = {continued(model, spelt, spelt.encode("a").ids, 8, 2) for _ in range(3)}
    assert len(said) == 1
    assert model.training
    assert torch.equal(torch.get_rng_state(), random), "what is looked at changes no later step"


def test_a_frozen_weight_has_no_backward_product() -> None:
    config = presets.debug()
    flops = count_flops(config, 64)
    assert flops_a_token(config, 64) == flops.total
    assert flops_a_token(config, 64, adapter=0) == pytest.approx(2 * flops.matrices + 3 * flops.attention)
    assert flops_a_token(config, 64, adapter=100) - flops_a_token(config, 64, adapter=0) == 600
