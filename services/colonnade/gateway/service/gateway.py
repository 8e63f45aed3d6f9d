"""The use cases together, as the HTTP layer is handed them."""

from collections.abc import Sequence
from dataclasses import dataclass

from colonnade.gateway.ports import (
    AdaptationBook,
    BiasBook,
    DecisionBook,
    Engines,
    ErasureBook,
    MemoryBook,
    PolicyBook,
    Probe,
)
from colonnade.gateway.service.batches import Batches, Files
from colonnade.gateway.service.caches import Caches
from colonnade.gateway.service.descriptions import Descriptions
from colonnade.gateway.service.doorkeeper import Doorkeeper
from colonnade.gateway.service.drafts import Drafts
from colonnade.gateway.service.events import Events
from colonnade.gateway.service.fair_use import LimitAdmin, UsageReports
from colonnade.gateway.service.feedback import FeedbackDesk
from colonnade.gateway.service.jobs import Jobs
from colonnade.gateway.service.keys import Keys
from colonnade.gateway.service.lineage import Evaluations, Lineage
from colonnade.gateway.service.mlflow import Mlflow
from colonnade.gateway.service.models import Models
from colonnade.gateway.service.pipeline import Pipeline
from colonnade.gateway.service.preparing import Preparing
from colonnade.gateway.service.rollouts import Rollouts
from colonnade.gateway.service.seals import Seals
from colonnade.gateway.service.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Gateway:
    pipeline: Pipeline
    doorkeeper: Doorkeeper
    keys: Keys
    models: Models
    caches: Caches
    engines: Engines
    preparing: Preparing
    rollouts: Rollouts
    seals: Seals
    mlflow: Mlflow
    descriptions: Descriptions
    lineage: Lineage
    evaluations: Evaluations
    drafts: Drafts
    jobs: Jobs
    memory: MemoryBook
    erasures: ErasureBook
    policies: PolicyBook
    decisions: DecisionBook
    feedback: FeedbackDesk
    bias: BiasBook
    adaptations: AdaptationBook
    events: Events
    upkeep: Upkeep
    limits: LimitAdmin
    usage: UsageReports
    files: Files
    batches: Batches
    probes: Sequence[Probe]
    """What must be there before requests can be answered."""
