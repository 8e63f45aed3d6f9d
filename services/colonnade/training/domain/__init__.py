"""What the training service is about: jobs, and what happens to them."""

from colonnade.training.domain.job import (
    IMPORT,
    KINDS,
    Asked,
    Event,
    Job,
    Progress,
    State,
    cancelled,
    concluded,
    emptied,
    lost,
    resumed,
    retried,
    seen,
    started,
    submitted,
)
from colonnade.training.domain.output import ModelVersion, Output
from colonnade.training.domain.registering import (
    brought,
    called_off,
    fetched,
    not_published,
    noted,
    published,
    sealed,
)
from colonnade.training.domain.worker import Ending, Sight, Worker

__all__ = [
    "IMPORT", "KINDS", "Asked", "Ending", "Event", "Job", "ModelVersion", "Output", "Progress",
    "Sight", "State", "Worker", "brought", "called_off", "cancelled", "concluded", "emptied", "fetched",
    "lost", "not_published", "noted", "published", "resumed", "retried", "sealed", "seen", "started",
    "submitted",
]  # fmt: skip
