from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from colonnade.engine.kernels import linear
from colonnade.engine.kernels.linear import PackedEmbedding, PackedLinear
from colonnade.engine.kernels.pack import Weights, pack_model, packed_as
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.presets import debug
from colonnade.models.quantised.layout import pack, unpack
from colonnade.models.quantised.quantize import FORMATS
from tests.unit.models.quantised.test_quantize import grid, randn

TOKENS = torch.arange(40).view(2, 20) % 31
BOUNDS: dict[Weights, float] = {"float32": 1e-5, "bfloat16": 0.02, "int8": 0.04, "int4": 0.4}
"""Of the errors' standard deviation to that of the logits, with random weights and a width of one group."""


@pytest.fixture(params=["native", "reference"], autouse=True)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "reference":
        monkeypatch.setattr(linear, "library", lambda: None)


def model(*, tied: bool = True) -> Transformer:
    torch.manual_seed(0)
    made = Transformer(replace(debug(), tied=tied))
    for parameter in made.parameters():
        if parameter.dim() == 2:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
    return made.requires_grad_(False).eval()


def logits(of: Transformer) -> Tensor:
    with torch.inference_mode():
        return of.forward_full(TOKENS)


@pytest.mark.parametrize("weights", BOUNDS)
@pytest.mark.parametrize("tied", [True, False])
def test_a_packed_model_says_nearly_the_same(weights: Weights, tied: bool) -> None:
    plain, packed = model(tied=tied), model(tied=tied)
    assert pack_model(packed, weights) == weights
    error = (logits(packed) - logits(plain)).std() / logits(plain).std()
    assert error < BOUNDS[weights]
    assert not [each for each in packed.modules() if isinstance(each, nn.Linear)]


def test_a_tied_head_and_its_embedding_are_one_matrix() -> None:
    packed = model()
    pack_model(packed, "int8")
    head, embedding = packed.head, packed.embedding
    assert isinstance(head, PackedLinear)
    assert isinstance(embedding, PackedEmbedding)
    assert head.blocks is embedding.blocks
    counted = sum(tensor.nbytes for tensor in (*packed.parameters(), *packed.buffers()))
    assert packed.memory_bytes == counted < model().memory_bytes / 3
    assert packed.dtype == torch.float32


def test_an_untied_embedding_stays() -> None:
    packed = model(tied=False)
    pack_model(packed, "int4")
    assert isinstance(packed.embedding, nn.Embedding)


def test_what_is_stored_narrow_computes_in_float32() -> None:
    packed = model().bfloat16()
    assert pack_model(packed, "stored") == "bfloat16"
    assert {each.dtype for each in packed.parameters()} == {torch.float32}
    wide = model().bfloat16().float()
    torch.testing.assert_close(logits(packed), logits(wide), rtol=1e-3, atol=1e-4)


def test_auto_keeps_what_the_weights_are() -> None:
    on_4_bits = grid(16, 2, seed=1)
    on_8_bits = unpack(pack(randn(16, 64), "int8"))
    narrow = randn(16, 64).bfloat16()
    for weight, form in (
        (on_4_bits, "int4"),
        (on_8_bits, "int8"),
        (narrow, "bfloat16"),
        (narrow.float(), "bfloat16"),
        (randn(16, 64), "float32"),
    ):
        packed = packed_as(weight, "auto")
        assert packed.form == form
        assert torch.equal(unpack(packed), weight.float())
    assert packed_as(randn(16, 64), "auto", quantised=True).form == "int8"
    assert packed_as(on_4_bits, "auto", quantised=True).form == "int4"


def test_stored_keeps_the_type() -> None:
    forms = {
        torch.float32: "float32",
        torch.bfloat16: "bfloat16",
        torch.float16: "float32",  # without loss
    }
    for dtype, form in forms.items():
        weight = randn(8, 32).to(dtype)
        packed = packed_as(weight, "stored")
        assert packed.form == form
        assert torch.equal(unpack(packed), weight.float())


def test_most_weights_give_the_name() -> None:
    mixed = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 8))
    mixed[0].weight = nn.Parameter(grid(64, 2, seed=3))
    assert pack_model(mixed, "auto") == "int4"
    assert [each.form for each in mixed if isinstance(each, PackedLinear)] == ["int4", "float32"]
    assert pack_model(nn.Sequential(nn.LayerNorm(4)), "auto") == "float32"
    assert set(FORMATS) == set(BOUNDS)
