"""Named configurations."""

from colonnade.models.families.encoder.config import EncoderConfig

VOCABULARY = 30_522
"""That of BERT's uncased English tokenizer."""


def debug() -> EncoderConfig:
    """Tiny: every test runs it on a CPU in milliseconds."""
    return EncoderConfig(vocab_size=97, positions=64, width=32, layers=3, heads=4, hidden=48, max_tokens=48)


def minilm() -> EncoderConfig:
    """MiniLM-L6-H384, as all-MiniLM-L6-v2 was trained: 23M parameters."""
    return EncoderConfig(
        vocab_size=VOCABULARY, positions=512, width=384, layers=6, heads=12, hidden=1536, max_tokens=256
    )


def base() -> EncoderConfig:
    """BERT-base: 109M parameters."""
    return EncoderConfig(
        vocab_size=VOCABULARY, positions=512, width=768, layers=12, heads=12, hidden=3072, max_tokens=512
    )
