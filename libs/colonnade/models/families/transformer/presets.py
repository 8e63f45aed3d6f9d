"""Named configurations. Sizes in names are nominal; the README has the counted parameters."""

from colonnade.models.families.transformer.config import TransformerConfig

VOCABULARY = 49_152
"""That of SmolLM2's tokenizer."""


def debug() -> TransformerConfig:
    """Tiny: every test runs it on a CPU in milliseconds."""
    return TransformerConfig(
        vocab_size=97, context_length=128, width=32, layers=3, heads=4, kv_heads=2, head_width=8, hidden=64
    )


def _preset(width: int, heads: int, layers: int) -> TransformerConfig:
    """One key-value head for four query heads; feed-forward of 8/3 the width, in whole 64s."""
    return TransformerConfig(
        vocab_size=VOCABULARY,
        context_length=2048,
        width=width,
        layers=layers,
        heads=heads,
        kv_heads=heads // 4,
        head_width=width // heads,
        hidden=-(-width * 8 // (3 * 64)) * 64,
    )


def tiny() -> TransformerConfig:
    return _preset(256, 4, 4)


def small() -> TransformerConfig:
    return _preset(512, 8, 6)


def base() -> TransformerConfig:
    return _preset(768, 12, 12)


def large() -> TransformerConfig:
    return _preset(1024, 16, 24)


def xlarge() -> TransformerConfig:
    return _preset(2048, 32, 32)


def xxlarge() -> TransformerConfig:
    return _preset(4096, 64, 48)
