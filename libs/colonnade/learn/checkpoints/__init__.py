"""Checkpoints of a run: safetensors and JSON, whole or not there, and bit for bit what the run was."""

from colonnade.learn.checkpoints.machine import elsewhere, machine
from colonnade.learn.checkpoints.manager import CheckpointManager
from colonnade.learn.checkpoints.random_states import capture_random, restore_random
from colonnade.learn.checkpoints.retention import Best, Entry, Retention
from colonnade.learn.checkpoints.snapshot import Json, Snapshot

__all__ = [
    "Best",
    "CheckpointManager",
    "Entry",
    "Json",
    "Retention",
    "Snapshot",
    "capture_random",
    "elsewhere",
    "machine",
    "restore_random",
]
