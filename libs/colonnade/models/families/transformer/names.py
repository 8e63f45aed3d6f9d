"""What the parameters of ``Transformer`` are called in Hugging Face's checkpoints."""

import re

_TOP = {
    "embedding.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "head.weight": "lm_head.weight",
}
_IN_BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "attention.query_norm": "self_attn.q_norm",
    "attention.key_norm": "self_attn.k_norm",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
}
_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")


def stored_name(own: str) -> str:
    """The name in the file of a parameter."""
    module, _, kind = own.rpartition(".")
    stored = stored_module(module)
    return _TOP[own] if stored is None else f"{stored}.{kind}"


def stored_module(own: str) -> str | None:
    """The stored name of a module of a block; None for what is not in a block."""
    if (match := _BLOCK.fullmatch(own)) is None:
        return None
    layer, module = match.groups()
    return f"model.layers.{layer}.{_IN_BLOCK[module]}"
