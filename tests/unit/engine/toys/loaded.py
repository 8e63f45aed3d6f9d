"""Every family ready to serve, by name."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch

from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.models.families.encoder import Encoder, EncoderConfig
from colonnade.models.families.transformer import Transformer
from colonnade.models.families.transformer.presets import debug
from colonnade.models.protocol import LanguageModel
from tests.unit.engine.toys import spelling
from tests.unit.engine.toys.autoregressive import Autoregressive
from tests.unit.engine.toys.block_diffusion import BlockDiffusion
from tests.unit.engine.toys.early_exit import EarlyExit
from tests.unit.engine.toys.parts import CONTEXT, VOCABULARY
from tests.unit.engine.toys.recurrent import Recurrent


def transformer() -> LanguageModel:
    torch.manual_seed(4)
    config = replace(debug(), vocab_size=VOCABULARY, context_length=CONTEXT, windows=(None, 7, None))
    model = Transformer(config).requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.mul_(8.0)  # as made, all tokens are about equally likely
    return cast("LanguageModel", model)


def encoder() -> LanguageModel:
    torch.manual_seed(5)
    config = EncoderConfig(
        vocab_size=VOCABULARY, positions=CONTEXT, width=16, layers=2, heads=2, hidden=32, max_tokens=64
    )
    model = Encoder(config).requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.mul_(20.0)  # as made, all texts are about alike
    return cast("LanguageModel", model)


FAMILIES: dict[str, Callable[[], LanguageModel]] = {
    "autoregressive": lambda: cast("LanguageModel", Autoregressive()),
    "early_exit": lambda: cast("LanguageModel", EarlyExit()),
    "block_diffusion": lambda: cast("LanguageModel", BlockDiffusion()),
    "recurrent": lambda: cast("LanguageModel", Recurrent()),
    "transformer": transformer,
}
"""Those that generate."""
EMBEDDERS: dict[str, Callable[[], LanguageModel]] = {"encoder": encoder, "transformer": transformer}
EVERY = FAMILIES | EMBEDDERS


def runtime(family: str = "autoregressive", model: LanguageModel | None = None) -> Runtime:
    return Runtime(
        ref=ModelRef(family, 1, f"sha256:{family}"),
        family=family,
        model=model or EVERY[family](),
        tokenizer=spelling.tokenizer(),
        template=spelling.template(),
        stop_ids=frozenset({256}),
        begin_id=257,
    )
