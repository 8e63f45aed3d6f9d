"""What the platform answers, as immutable dataclasses. Unknown fields of newer platforms are ignored."""

from colonnade.client.results.generation import (
    CacheUse,
    Choice,
    Chunk,
    Generation,
    ModelVersion,
    Rival,
    Token,
    Usage,
)
from colonnade.client.results.models import (
    Alias,
    AliasTarget,
    Artefact,
    ImportProgress,
    Model,
    Page,
    Version,
)
from colonnade.client.results.platform import (
    Engine,
    EngineBreaker,
    Health,
    Key,
    NewKey,
    PlatformVersion,
)
from colonnade.client.results.texts import (
    Detokenized,
    Embedding,
    Embeddings,
    Score,
    Scores,
    TextUsage,
    Tokens,
)

__all__ = [
    "Alias",
    "AliasTarget",
    "Artefact",
    "CacheUse",
    "Choice",
    "Chunk",
    "Detokenized",
    "Embedding",
    "Embeddings",
    "Engine",
    "EngineBreaker",
    "Generation",
    "Health",
    "ImportProgress",
    "Key",
    "Model",
    "ModelVersion",
    "NewKey",
    "Page",
    "PlatformVersion",
    "Rival",
    "Score",
    "Scores",
    "TextUsage",
    "Token",
    "Tokens",
    "Usage",
    "Version",
]
