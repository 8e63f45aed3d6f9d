"""The stages of what is asked of a model, one class a file."""

from colonnade.gateway.service.stages.audit_record import AuditRecord
from colonnade.gateway.service.stages.authenticate import Authenticate
from colonnade.gateway.service.stages.authorise import Authorise
from colonnade.gateway.service.stages.call_tools import CallTools
from colonnade.gateway.service.stages.count_usage import CountUsage
from colonnade.gateway.service.stages.draw_version import DrawVersion
from colonnade.gateway.service.stages.fit_texts import FitTexts
from colonnade.gateway.service.stages.generate import Generate
from colonnade.gateway.service.stages.give_way import GiveWay
from colonnade.gateway.service.stages.guard import Guard
from colonnade.gateway.service.stages.know_answers import KnowAnswers
from colonnade.gateway.service.stages.limit import Limit, TurnAway
from colonnade.gateway.service.stages.read_texts import ReadTexts
from colonnade.gateway.service.stages.recall import Recall
from colonnade.gateway.service.stages.remember_exchange import RememberExchange
from colonnade.gateway.service.stages.shape_and_size import ShapeAndSize
from colonnade.gateway.service.stages.shed import Shed
from colonnade.gateway.service.stages.speak_for import SpeakFor, speak_for
from colonnade.gateway.service.stages.stand_ins import StandIns
from colonnade.gateway.service.stages.watch_rollout import WatchRollout

__all__ = [
    "AuditRecord",
    "Authenticate",
    "Authorise",
    "CallTools",
    "CountUsage",
    "DrawVersion",
    "FitTexts",
    "Generate",
    "GiveWay",
    "Guard",
    "KnowAnswers",
    "Limit",
    "ReadTexts",
    "Recall",
    "RememberExchange",
    "ShapeAndSize",
    "Shed",
    "SpeakFor",
    "StandIns",
    "TurnAway",
    "WatchRollout",
    "speak_for",
]
