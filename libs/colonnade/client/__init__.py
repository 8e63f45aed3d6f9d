"""The platform from Python: ``Colonnade`` and ``AsyncColonnade``.

from colonnade.client import Colonnade

with Colonnade() as client:
    print(client.generate("The capital of France is", max_tokens=8).text)
"""

from colonnade.client.aio import AsyncColonnade, AsyncStream
from colonnade.client.calls import GenerateOptions
from colonnade.client.results import (
    Alias,
    AliasTarget,
    Chunk,
    Generation,
    Health,
    ImportProgress,
    Key,
    Model,
    ModelVersion,
    NewKey,
    PlatformVersion,
    Rival,
    Token,
    Usage,
    Version,
)
from colonnade.client.sync import Colonnade, Stream

__all__ = [
    "Alias",
    "AliasTarget",
    "AsyncColonnade",
    "AsyncStream",
    "Chunk",
    "Colonnade",
    "GenerateOptions",
    "Generation",
    "Health",
    "ImportProgress",
    "Key",
    "Model",
    "ModelVersion",
    "NewKey",
    "PlatformVersion",
    "Rival",
    "Stream",
    "Token",
    "Usage",
    "Version",
]
