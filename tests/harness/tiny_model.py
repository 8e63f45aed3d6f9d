"""Real models of a few thousand random weights in Hugging Face's layout: quick to import, and they answer."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

_TEXT = [
    "The quick brown fox jumps over the lazy dog.",
    "Colonnade serves language models of unlike kinds, 0123456789!",
]
_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tiny_llama(
    folder: Path, *, seed: int = 0, width: int = 32, layers: int = 2, spread: float = 0.3
) -> Path:
    """Writes config.json, model.safetensors and the tokenizer; returns the folder.

    With a ``spread`` many times as wide, the weights are sure of everything, and wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_tokenizer(folder)
    heads, kv_heads, hidden = 4, 2, width * 2
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocabulary,
        "hidden_size": width, "intermediate_size": hidden, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": True,
        "bos_token_id": 0, "eos_token_id": 0, "torch_dtype": "float32",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * spread

    head = width // heads
    weights = {"model.embed_tokens.weight": normal(vocabulary, width), "model.norm.weight": torch.ones(width)}
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        weights |= {
            prefix + "self_attn.q_proj.weight": normal(width, width),
            prefix + "self_attn.k_proj.weight": normal(kv_heads * head, width),
            prefix + "self_attn.v_proj.weight": normal(kv_heads * head, width),
            prefix + "self_attn.o_proj.weight": normal(width, width),
            prefix + "mlp.gate_proj.weight": normal(hidden, width),
            prefix + "mlp.up_proj.weight": normal(hidden, width),
            prefix + "mlp.down_proj.weight": normal(width, hidden),
            prefix + "input_layernorm.weight": torch.ones(width),
            prefix + "post_attention_layernorm.weight": torch.ones(width),
        }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _write_tokenizer(folder: Path) -> int:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=_SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"chat_template": _TEMPLATE, "bos_token": _SPECIAL[0], "eos_token": _SPECIAL[0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizer.get_vocab_size()


def write_tiny_bert(folder: Path, *, seed: int = 0, width: int = 32, layers: int = 2) -> Path:
    """A sentence encoder for texts of up to 32 tokens, as sentence-transformers lays it out."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "dog", "sat", "on", "mat", "##s"]
    letters = list("abcdefghijklmnopqrstuvwxyz")
    vocabulary = [*words, *letters, *(f"##{letter}" for letter in letters if letter != "s")]
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": len(vocabulary),
        "hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
    }  # fmt: skip
    steps = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    for name, content in {
        "config.json": config,
        "modules.json": [
            {"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in steps
        ],
        "1_Pooling/config.json": {"pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": 32, "do_lower_case": False},
        "tokenizer_config.json": {"do_lower_case": True},
    }.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "embeddings.word_embeddings": (len(vocabulary), width),
        "embeddings.position_embeddings": (64, width),
        "embeddings.token_type_embeddings": (2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(layers):
        prefix = f"encoder.layer.{layer}."
        norms += [prefix + "attention.output.LayerNorm", prefix + "output.LayerNorm"]
        shapes |= {prefix + f"attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        shapes[prefix + "attention.output.dense"] = (width, width)
        shapes |= {
            prefix + "intermediate.dense": (2 * width, width),
            prefix + "output.dense": (width, 2 * width),
        }
    weights = {
        f"{name}.weight": torch.randn(*shape, generator=generator) * 0.3 for name, shape in shapes.items()
    }
    weights |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in shapes.items() if "layer" in name}
    weights |= {f"{name}.weight": torch.ones(width) for name in norms}
    weights |= {f"{name}.bias": torch.zeros(width) for name in norms}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
