"""The router's own words: engines and their work, who takes what, and who is left out for a while."""

from colonnade.inference.domain.caching import Cached, Caching, Kept, Kind, Near, Place, Spent
from colonnade.inference.domain.choice import AFFINITY_SLACK_TOKENS, choose, having
from colonnade.inference.domain.engines import EngineView, Loaded, Manifest, Parcel, Ref, Run, Stats
from colonnade.inference.domain.failures import (
    adapter_is_gone,
    broken_off,
    engine_cannot,
    engine_failed,
    engine_is_full,
    engine_is_gone,
    version_is_gone,
    version_is_out,
)
from colonnade.inference.domain.prefixes import Prefixes, text_keys, token_keys
from colonnade.inference.domain.work import ABORTED, Chunk, Work

__all__ = [
    "ABORTED",
    "AFFINITY_SLACK_TOKENS",
    "Cached",
    "Caching",
    "Chunk",
    "EngineView",
    "Kept",
    "Kind",
    "Loaded",
    "Manifest",
    "Near",
    "Parcel",
    "Place",
    "Prefixes",
    "Ref",
    "Run",
    "Spent",
    "Stats",
    "Work",
    "adapter_is_gone",
    "broken_off",
    "choose",
    "engine_cannot",
    "engine_failed",
    "engine_is_full",
    "engine_is_gone",
    "having",
    "text_keys",
    "token_keys",
    "version_is_gone",
    "version_is_out",
]
