"""The way of a request through the gateway: the one place that knows the order of its stages."""

from random import SystemRandom

from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.inference import InferenceGenerator
from colonnade.gateway.adapters.texts import InferenceTexts
from colonnade.gateway.domain.stand_ins import fallbacks_of, shadows_of
from colonnade.gateway.ports import Audit, MemoryBook
from colonnade.gateway.service.doorkeeper import Doorkeeper
from colonnade.gateway.service.fair_use import FairUse
from colonnade.gateway.service.fullness import Fullness
from colonnade.gateway.service.pipeline import Pipeline
from colonnade.gateway.service.reading import Leftovers
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.rollouts import Sightings
from colonnade.gateway.service.stages import (
    AuditRecord,
    Authenticate,
    Authorise,
    CallTools,
    CountUsage,
    DrawVersion,
    FitTexts,
    Generate,
    GiveWay,
    Limit,
    ReadTexts,
    Recall,
    RememberExchange,
    ShapeAndSize,
    Shed,
    SpeakFor,
    StandIns,
    TurnAway,
    WatchRollout,
)
from colonnade.gateway.settings import GatewaySettings
from colonnade.telemetry.metrics import GenAiMetrics


def pipeline(
    doorkeeper: Doorkeeper,
    audit: Audit,
    resolver: Resolver,
    inference: Calls,
    fair_use: FairUse,
    leftovers: Leftovers,
    sightings: Sightings,
    memory: MemoryBook,
    settings: GatewaySettings,
) -> Pipeline:
    """The way of a request, outermost stage first."""
    record, count, speak = AuditRecord(audit), CountUsage(GenAiMetrics()), SpeakFor()
    rng = SystemRandom()
    draw = DrawVersion(resolver, rng)
    stand_ins = StandIns(resolver, rng, fallbacks_of(settings.fallbacks), shadows_of(settings.shadows))
    fit, read = FitTexts(settings.limits), ReadTexts(InferenceTexts(inference))
    fullness = Fullness()
    shed, generate = Shed(fullness), Generate(InferenceGenerator(inference), leftovers, fullness)
    flood, limit, watch = TurnAway(fair_use), Limit(fair_use), WatchRollout(sightings)
    asked = [record, count, ShapeAndSize(settings.limits), CallTools(), speak, GiveWay(), flood, draw]
    remember = RememberExchange(memory, settings.recall.seconds)
    remembering = [remember, Recall(memory, settings.recall)]
    return Pipeline(
        admission=[Authenticate(doorkeeper), Authorise(doorkeeper)],
        generation=[*asked, stand_ins, shed, *remembering, limit, watch, generate],
        embedding=[record, count, fit, speak, flood, draw, limit, watch, read],
        scoring=[record, count, fit, speak, flood, draw, limit, watch, read],
        encoding=[record, count, fit, speak, flood, draw, limit, read],
    )
