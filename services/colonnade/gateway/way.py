"""The way of a request through the gateway: the one place that knows the order of its stages."""

from random import SystemRandom

from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.inference import InferenceGenerator
from colonnade.gateway.adapters.texts import InferenceTexts
from colonnade.gateway.domain.stand_ins import fallbacks_of, shadows_of
from colonnade.gateway.ports import Audit, MemoryBook, Screener
from colonnade.gateway.service.answers import Answers
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
    Guard,
    KnowAnswers,
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
    screener: Screener,
    answers: Answers,
    settings: GatewaySettings,
) -> Pipeline:
    """The way of a request, outermost stage first."""
    record, count, speak = AuditRecord(audit), CountUsage(GenAiMetrics()), SpeakFor()
    rng = SystemRandom()
    draw = DrawVersion(resolver, rng)
    stand_ins = StandIns(resolver, rng, fallbacks_of(settings.fallbacks), shadows_of(settings.shadows))
    texts = InferenceTexts(inference)
    fit, read = FitTexts(settings.limits), ReadTexts(texts)
    fullness = Fullness()
    shed, generate = Shed(fullness), Generate(InferenceGenerator(inference), leftovers, fullness)
    flood, limit, watch = TurnAway(fair_use), Limit(fair_use), WatchRollout(sightings)
    know, shape = KnowAnswers(answers), ShapeAndSize(settings.limits)
    asked = [record, count, know, shape, CallTools(), speak, GiveWay(), flood, draw]
    remember = RememberExchange(memory, settings.recall.seconds)
    remembering = [remember, Recall(memory, settings.recall)]
    answering = [limit, watch, generate]
    again = Pipeline((), answering)
    guard = [Guard(screener, texts, again, bounds)] if (bounds := settings.guarding) else []
    return Pipeline(
        admission=[Authenticate(doorkeeper), Authorise(doorkeeper)],
        generation=[*asked, stand_ins, shed, *remembering, *guard, *answering],
        embedding=[record, count, fit, speak, flood, draw, limit, watch, read],
        scoring=[record, count, fit, speak, flood, draw, limit, watch, read],
        encoding=[record, count, fit, speak, flood, draw, limit, read],
    )
