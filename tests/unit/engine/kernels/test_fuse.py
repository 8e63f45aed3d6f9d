from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch
from torch import Tensor

from colonnade.engine.cache import CacheBudget, StateStore
from colonnade.engine.kernels import fuse as fusing
from colonnade.engine.kernels.fuse import fuse
from colonnade.engine.kernels.fused import FusedBlock, FusedChain
from colonnade.engine.kernels.native import library
from colonnade.engine.kernels.norm import FusedNorm
from colonnade.engine.kernels.pack import Weights, pack_model
from colonnade.engine.kernels.rotation import TabledRotation
from colonnade.models.families.transformer import Transformer, TransformerConfig
from colonnade.models.families.transformer.presets import debug
from colonnade.models.layers.chain import Chain
from colonnade.models.layers.lora import LowRank
from colonnade.models.layers.norm import RMSNorm
from colonnade.models.layers.rope import RotaryEmbedding
from colonnade.models.layers.rope_scaling import LinearScaling
from colonnade.models.protocol import Batch, Span

pytestmark = pytest.mark.skipif(library() is None, reason="no C++ compiler")

PLAIN = debug()
ODD = replace(PLAIN, qkv_bias=True, qk_norm=True, windows=tuple([5, None, 7][: PLAIN.layers]))
HALVES: Sequence[Weights] = ("float32", "bfloat16", "int8", "int4")


@dataclass
class Served:
    model: Transformer
    store: StateStore

    def forward(self, spans: list[Span]) -> Tensor:
        """Logits of every token; all of them are kept."""
        for span in spans:
            assert self.store.extend(span.sequence, span.start + len(span.tokens))
        batch = Batch.of(spans)
        with torch.inference_mode():
            state = self.store.view(batch)
            logits = self.model.forward(batch, state).logits_WV
            state.commit()
        return logits


def model_of(config: TransformerConfig, weights: Weights) -> Transformer:
    torch.manual_seed(7)
    model = Transformer(config).requires_grad_(False).eval()
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.mul_(6.0)
        else:
            parameter.add_(torch.randn_like(parameter) * 0.1)
    pack_model(model, weights)
    return model


def served(
    config: TransformerConfig = PLAIN, weights: Weights = "float32", *, fused: bool = True, sequences: int = 4
) -> Served:
    model = model_of(config, weights)
    if fused:
        assert fuse(model) == config.layers
    store = StateStore(model.states, dtype=torch.float32, device=torch.device("cpu"))
    store.join(CacheBudget(1 << 24))
    for handle in range(sequences):
        assert store.open(handle, 200)
    return Served(model, store)


def tokens(count: int, seed: int = 0) -> list[int]:
    drawn = torch.randint(PLAIN.vocab_size, (count,), generator=torch.Generator().manual_seed(seed))
    ids: list[int] = drawn.tolist()
    return ids


def span(sequence: int, ids: Sequence[int], start: int = 0, **more: str) -> Span:
    return Span(sequence, ids, start, commit=len(ids), want=range(len(ids)), adapter=more.get("adapter"))


@pytest.mark.parametrize("config", [PLAIN, ODD], ids=["plain", "odd"])
def test_fused_blocks_compute_what_blocks_compute(config: TransformerConfig) -> None:
    fused, plain = served(config), served(config, fused=False)
    steps = [
        [span(0, tokens(21)), span(1, tokens(3, 1)), span(2, tokens(1, 2))],
        [span(0, tokens(1), 21), span(3, tokens(40, 3)), span(1, tokens(2, 4), 3)],
        [span(2, tokens(1), 1)],
    ]
    for spans in steps:
        torch.testing.assert_close(fused.forward(spans), plain.forward(spans), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("weights", HALVES)
def test_a_row_has_the_same_bits_whatever_the_batch_and_the_cuts(weights: Weights) -> None:
    ids = tokens(37)
    whole = served(ODD, weights).forward([span(0, ids)])
    cut = served(ODD, weights)
    parts = [cut.forward([span(0, ids[:20])])]
    for place in range(20, 37):
        others = [span(1, tokens(3, place), 3 * (place - 20)), span(2, tokens(1), place - 20)]
        parts.append(cut.forward([span(0, ids[place : place + 1], place), *others])[:1])
    assert torch.equal(whole, torch.cat(parts))


def test_the_number_of_threads_changes_no_bit() -> None:
    before, results = torch.get_num_threads(), []
    wide = replace(PLAIN, width=256, hidden=1024)  # enough work for threads to be woken
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            one = served(wide, "int4")
            results.append(torch.cat([one.forward([span(0, tokens(30))]), one.forward([span(0, [5], 30)])]))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def adapted(one: Served) -> None:
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) * 0.2

    bank = one.model.adapters
    parts = {
        name: LowRank(random(2, site.inputs), random(2, site.outputs)) for name, site in bank.sites.items()
    }
    bank.add("a", parts)


def test_adapters_act_on_their_rows_and_change_no_bit_of_others() -> None:
    fused, plain, without = served(ODD), served(ODD, fused=False), served(ODD)
    adapted(fused)
    adapted(plain)
    spans = [span(0, tokens(9)), span(1, tokens(5, 1), adapter="a"), span(2, tokens(1, 2))]
    got = fused.forward(spans)
    torch.testing.assert_close(got, plain.forward(spans), rtol=1e-4, atol=1e-4)
    alone = without.forward([replace(each, adapter=None) for each in spans])
    assert torch.equal(got[:9], alone[:9])
    assert torch.equal(got[14:], alone[14:])
    assert not torch.allclose(got[9:14], alone[9:14], atol=0.1)


def test_modules_keep_their_names_and_bytes() -> None:
    fused, plain = served().model, served(fused=False).model
    assert isinstance(fused.blocks, FusedChain)
    assert isinstance(fused.blocks[0], FusedBlock)
    own = {"rope", "norm", "blocks", *(f"blocks.{i}" for i in range(PLAIN.layers))}
    own |= {f"blocks.{i}.{name}_norm" for i in range(PLAIN.layers) for name in ("attention", "feed_forward")}
    for (path, layer), (other, same) in zip(fused.named_modules(), plain.named_modules(), strict=True):
        assert path == other
        assert path in own or type(layer) is type(same)
    assert fused.memory_bytes == plain.memory_bytes


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_all_layers_at_once_give_the_bits_of_one_by_one(layers: int) -> None:
    config = replace(ODD, layers=layers, windows=ODD.windows[:layers])
    at_once, one_by_one = served(config), served(config)
    one_by_one.model.set_submodule("blocks", Chain(one_by_one.model.blocks))
    for spans in ([span(0, tokens(30)), span(1, [4])], [span(0, [7], 30)], [span(2, [7, 8, 9])]):
        assert torch.equal(at_once.forward(spans), one_by_one.forward(spans))


def test_whole_sequences_take_the_equations() -> None:
    fused, plain = served().model, served(fused=False).model
    ids = torch.tensor([tokens(12)])
    torch.testing.assert_close(fused.forward_full(ids), plain.forward_full(ids), rtol=1e-5, atol=1e-5)


def test_what_is_not_packed_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fuse(Transformer(PLAIN)) == 0
    packed = model_of(PLAIN, "int8")
    monkeypatch.setattr(fusing, "library", partial(lambda: None))
    assert fuse(packed) == 0


def test_fused_norms_are_norms() -> None:
    norm = RMSNorm(50, 1e-5)
    norm.weight.data.normal_(generator=torch.Generator().manual_seed(1))
    native, x = FusedNorm(norm), torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(native(x), norm(x), rtol=1e-6, atol=1e-6)
    assert torch.equal(native(x.transpose(0, 1)), native(x).transpose(0, 1))
    assert torch.equal(native(x.bfloat16()), norm(x.bfloat16()))


def test_tabled_rotations_are_rotations() -> None:
    rope = RotaryEmbedding(8, 10_000.0, LinearScaling(2.0))
    tabled = TabledRotation(rope)
    for positions in ([0], [5, 5, 1023], [1024, 3], [9000], [20_000], list(range(40))):
        for got, wanted in zip(
            tabled(torch.tensor(positions), torch.float32),
            rope(torch.tensor(positions), torch.float32),
            strict=True,
        ):
            torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)
    half = tabled(torch.tensor([[1, 2]]), torch.bfloat16)
    assert half.cos_X1d.dtype == torch.bfloat16
