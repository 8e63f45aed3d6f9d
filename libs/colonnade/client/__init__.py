"""The platform from Python: ``Colonnade`` and ``AsyncColonnade``.

from colonnade.client import Colonnade

with Colonnade() as client:
    print(client.generate("The capital of France is", max_tokens=8).text)
"""

from colonnade.client.aio import AsyncColonnade, AsyncStream
from colonnade.client.batch_calls import Batch, BatchError, BatchLine, File, LineCounts
from colonnade.client.cache import CacheState
from colonnade.client.calls import GenerateOptions, TextOptions
from colonnade.client.fair_use import Left, Limits, Quota, Remaining, UsageReport, UsageSum
from colonnade.client.results import (
    Alias,
    AliasTarget,
    Artefact,
    CacheUse,
    Choice,
    Chunk,
    Embedding,
    Embeddings,
    Engine,
    EngineBreaker,
    Generation,
    Health,
    ImportProgress,
    Key,
    Model,
    ModelVersion,
    NewKey,
    PlatformVersion,
    Prepared,
    Rival,
    Score,
    Scores,
    TextUsage,
    Token,
    Tokens,
    Usage,
    Version,
)
from colonnade.client.sync import Colonnade, Stream

__all__ = [
    "Alias",
    "AliasTarget",
    "Artefact",
    "AsyncColonnade",
    "AsyncStream",
    "Batch",
    "BatchError",
    "BatchLine",
    "CacheState",
    "CacheUse",
    "Choice",
    "Chunk",
    "Colonnade",
    "Embedding",
    "Embeddings",
    "Engine",
    "EngineBreaker",
    "File",
    "GenerateOptions",
    "Generation",
    "Health",
    "ImportProgress",
    "Key",
    "Left",
    "Limits",
    "LineCounts",
    "Model",
    "ModelVersion",
    "NewKey",
    "PlatformVersion",
    "Prepared",
    "Quota",
    "Remaining",
    "Rival",
    "Score",
    "Scores",
    "Stream",
    "TextOptions",
    "TextUsage",
    "Token",
    "Tokens",
    "Usage",
    "UsageReport",
    "UsageSum",
    "Version",
]
