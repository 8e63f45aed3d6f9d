"""What the gateway needs of the world, in its own words."""

from colonnade.gateway.ports.access import Audit, KeyStore, Probe
from colonnade.gateway.ports.adapting import AdaptationBook
from colonnade.gateway.ports.batches import Answers, BatchStore, FileContents, FileStore
from colonnade.gateway.ports.bias import BiasBook
from colonnade.gateway.ports.catalogue import Catalogue
from colonnade.gateway.ports.drafts import DraftBook
from colonnade.gateway.ports.erasures import ErasureBook
from colonnade.gateway.ports.events import EventBook
from colonnade.gateway.ports.fair_use import Limiter, LimitStore, UsageLedger
from colonnade.gateway.ports.feedback import FeedbackBook
from colonnade.gateway.ports.inference import AnswerCaches, Engines, Generator, TextReader
from colonnade.gateway.ports.jobs import JobBook
from colonnade.gateway.ports.lineage import EvaluationBook, LineageBook
from colonnade.gateway.ports.memory import MemoryBook
from colonnade.gateway.ports.policies import DecisionBook, PolicyBook
from colonnade.gateway.ports.registry import ModelCatalog, OutcomeReports, RolloutBook
from colonnade.gateway.ports.screening import Screener, Screening
from colonnade.gateway.ports.seals import SealBook

__all__ = [
    "AdaptationBook",
    "AnswerCaches",
    "Answers",
    "Audit",
    "BatchStore",
    "BiasBook",
    "Catalogue",
    "DecisionBook",
    "DraftBook",
    "Engines",
    "ErasureBook",
    "EvaluationBook",
    "EventBook",
    "FeedbackBook",
    "FileContents",
    "FileStore",
    "Generator",
    "JobBook",
    "KeyStore",
    "LimitStore",
    "Limiter",
    "LineageBook",
    "MemoryBook",
    "ModelCatalog",
    "OutcomeReports",
    "PolicyBook",
    "Probe",
    "RolloutBook",
    "Screener",
    "Screening",
    "SealBook",
    "TextReader",
    "UsageLedger",
]
