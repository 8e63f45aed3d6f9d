"""The platform from Python: ``Colonnade`` and ``AsyncColonnade``.

from colonnade.client import Colonnade

with Colonnade() as client:
    print(client.generate("The capital of France is", max_tokens=8).text)
"""

from colonnade.client.aio import AsyncColonnade, AsyncStream
from colonnade.client.batch_calls import Batch, BatchError, BatchLine, File, LineCounts
from colonnade.client.cache import CacheState
from colonnade.client.calls import GenerateOptions, TextOptions
from colonnade.client.catalogue_calls import FoundVersion, Metric, VersionDetail
from colonnade.client.draft_calls import Draft, DraftFile, FileToSend
from colonnade.client.event_calls import Event, EventPage, NewWebhook, Webhook
from colonnade.client.fair_use import Left, Limits, Quota, Remaining, UsageReport, UsageSum
from colonnade.client.lineage_calls import Evaluation, Lineage, LineageEdge, LineageNode, LineagePlace
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
from colonnade.client.rollout_calls import (
    Figures,
    Gate,
    GateResult,
    Plan,
    Policy,
    Rollout,
    RolloutEvent,
    RolloutOutcomes,
    RolloutStep,
)
from colonnade.client.seal_calls import Seal, SealDetail, SealList
from colonnade.client.sync import Colonnade, Stream
from colonnade.client.upkeep import BackedUp, Collected

__all__ = [
    "Alias",
    "AliasTarget",
    "Artefact",
    "AsyncColonnade",
    "AsyncStream",
    "BackedUp",
    "Batch",
    "BatchError",
    "BatchLine",
    "CacheState",
    "CacheUse",
    "Choice",
    "Chunk",
    "Collected",
    "Colonnade",
    "Draft",
    "DraftFile",
    "Embedding",
    "Embeddings",
    "Engine",
    "EngineBreaker",
    "Evaluation",
    "Event",
    "EventPage",
    "Figures",
    "File",
    "FileToSend",
    "FoundVersion",
    "Gate",
    "GateResult",
    "GenerateOptions",
    "Generation",
    "Health",
    "ImportProgress",
    "Key",
    "Left",
    "Limits",
    "LineCounts",
    "Lineage",
    "LineageEdge",
    "LineageNode",
    "LineagePlace",
    "Metric",
    "Model",
    "ModelVersion",
    "NewKey",
    "NewWebhook",
    "Plan",
    "PlatformVersion",
    "Policy",
    "Prepared",
    "Quota",
    "Remaining",
    "Rival",
    "Rollout",
    "RolloutEvent",
    "RolloutOutcomes",
    "RolloutStep",
    "Score",
    "Scores",
    "Seal",
    "SealDetail",
    "SealList",
    "Stream",
    "TextOptions",
    "TextUsage",
    "Token",
    "Tokens",
    "Usage",
    "UsageReport",
    "UsageSum",
    "Version",
    "VersionDetail",
    "Webhook",
]
