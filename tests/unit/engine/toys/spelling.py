"""A tokenizer whose tokens are bytes, with a few control tokens, and a chat template for it."""

import json
from functools import cache

from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Definition

from colonnade.engine.text import ChatTemplate, Tokenizer

END = "<|end|>"
START = "<|start|>"
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


@cache
def definition() -> str:
    """A tokenizer.json: 256 bytes, then END (256) and START (257)."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Definition(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(END, special=True), AddedToken(START, special=True)])
    return str(made.to_str())


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer(definition())


def template() -> ChatTemplate:
    return ChatTemplate(TEMPLATE, {"eos_token": END})


def tokenizer_config() -> str:
    return json.dumps({"chat_template": TEMPLATE, "bos_token": START, "eos_token": END})
