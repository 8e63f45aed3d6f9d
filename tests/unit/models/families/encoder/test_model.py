from dataclasses import replace
from typing import Any

import pytest
import torch

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.families.encoder import Encoder, EncoderConfig, presets
from colonnade.models.families.encoder.checkpoint import stored_name
from colonnade.models.protocol import Batch, Capability, EmbeddingSpec, LanguageModel, Span
from colonnade.models.reference_state import ReferenceStates
from tests.unit.models import tiny_bert

DEBUG = presets.debug()


def randomised(config: EncoderConfig = DEBUG, seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    model = Encoder(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def random_tokens(length: int, rows: int = 1) -> torch.Tensor:
    return torch.randint(0, DEBUG.vocab_size, (rows, length))


def whole(tokens: list[int], handle: int = 0, **more: Any) -> Span:
    settings: dict[str, Any] = {"mask": "bidirectional", "want": range(len(tokens)), "output": "hidden"}
    return Span(handle, tokens, 0, 0, **(settings | more))


def served(model: Encoder, *texts: list[int]) -> list[torch.Tensor]:
    """The final hidden states of texts that go through together."""
    batch = Batch.of([whole(tokens, handle) for handle, tokens in enumerate(texts)])
    with torch.inference_mode():
        outputs = model(batch, ReferenceStates(model.states).of(batch))
    assert outputs.logits_WV.shape == (sum(map(len, texts)), 0)
    return list(outputs.hidden_WD.split([len(tokens) for tokens in texts]))


def test_is_a_language_model_that_only_embeds() -> None:
    model: LanguageModel = randomised()
    assert (model.vocab_size, model.context_length, model.page_multiple) == (97, 48, 1)
    assert [(s.kind, s.shape, s.prefix_pure) for s in model.states] == [("paged_kv", (4, 8), False)] * 3
    assert model.capabilities == {Capability.EMBED}
    assert model.embedding_spec == EmbeddingSpec(32, "mean", "bidirectional", 48)
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)
    assert model.memory_bytes == 4 * sum(p.numel() for p in model.parameters())  # type: ignore[attr-defined]
    with pytest.raises(Unsupported, match="does not generate"):
        model.decoder()


def test_hidden_states_equal_those_of_transformers() -> None:
    theirs = tiny_bert.make()
    ours = Encoder(DEBUG)
    weights = theirs.state_dict()
    ours.load_state_dict({own: weights[stored_name(own)] for own, _ in ours.named_parameters()})
    tokens = random_tokens(40, rows=3)
    real = torch.arange(40) < torch.tensor([[40], [17], [1]])
    with torch.inference_mode():
        expected = theirs(tokens, attention_mask=real).last_hidden_state
        torch.testing.assert_close(
            ours.forward_full(tokens, real)[real], expected[real], atol=2e-6, rtol=1e-5
        )
    ragged = served(ours, *(row[keep].tolist() for row, keep in zip(tokens, real, strict=True)))
    torch.testing.assert_close(torch.cat(ragged), expected[real], atol=2e-6, rtol=1e-5)


def test_batch_mates_do_not_matter() -> None:
    model = randomised()
    texts = [random_tokens(n)[0].tolist() for n in (1, 7, 30)]
    for together, text in zip(served(model, *texts), texts, strict=True):
        torch.testing.assert_close(together, served(model, text)[0], atol=1e-6, rtol=1e-5)


def test_padding_does_not_matter() -> None:
    model, tokens = randomised(), random_tokens(12)
    padded = torch.cat((tokens, random_tokens(5)), 1)
    with torch.inference_mode():
        alone = model.forward_full(tokens)
        beside = model.forward_full(padded, torch.arange(17)[None] < 12)
    torch.testing.assert_close(beside[:, :12], alone, atol=1e-6, rtol=1e-5)


def test_every_token_sees_every_other() -> None:
    model, tokens = randomised(), random_tokens(9)
    rows = model.word(tokens).detach().requires_grad_()
    model.word.register_forward_hook(lambda *_: rows)
    torch.autograd.backward(model.forward_full(tokens)[0, 0].sum())
    assert rows.grad is not None
    assert bool((rows.grad[0].abs().sum(-1) > 0).all())


def test_every_parameter_that_has_a_part_gets_a_gradient() -> None:
    model = randomised(replace(DEBUG, token_types=1, positions=48))
    torch.autograd.backward(model.forward_full(random_tokens(48, rows=40))[..., ::3].square().sum())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        keys = name.endswith("attention.key.bias")  # moves all scores of a query alike: softmax undoes it
        assert keys or float(parameter.grad.abs().max()) > 0, name


def test_learns_to_tell_two_texts_apart() -> None:
    torch.manual_seed(1)
    model, tokens = Encoder(DEBUG), random_tokens(12, rows=6)
    wanted = torch.eye(6, DEBUG.width)
    optimiser, loss = torch.optim.AdamW(model.parameters(), lr=5e-3), torch.tensor(torch.inf)
    for _ in range(60):
        vectors = torch.nn.functional.normalize(model.forward_full(tokens).mean(1), dim=-1)
        loss = (vectors - wanted).square().sum(-1).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    assert loss.item() < 0.05


@pytest.mark.parametrize(
    "more",
    [
        {"adapter": "a"},
        {"depth": 2},
        {"extra": {"time": torch.ones(1)}},
        {"output": "logits"},
        {"mask": "causal"},
        {"commit": 1},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_it_cannot_do_is_refused(more: dict[str, Any]) -> None:
    model = randomised()
    commit = more.pop("commit", 0)
    span = replace(whole([1, 2], **more), commit=commit)
    batch = Batch.of([span])
    with pytest.raises(Unsupported, match="an encoder takes"):
        model(batch, ReferenceStates(model.states).of(batch))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layers", 0),
        ("width", 1 << 40),
        ("vocab_size", -1),
        ("heads", 5),
        ("norm_epsilon", 0.0),
        ("norm_epsilon", float("nan")),
        ("pooling", "max"),
        ("max_tokens", 65),
    ],
)
def test_impossible_configurations_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match="encoder config"):
        replace(DEBUG, **{field: value})


def test_presets_count_what_they_say() -> None:
    counted = {}
    for name in ("minilm", "base"):
        with torch.device("meta"):
            counted[name] = round(
                sum(p.numel() for p in Encoder(getattr(presets, name)()).parameters()) / 1e6
            )
    assert counted == {"minilm": 23, "base": 109}
