"""The routes, one file a noun."""

from colonnade.gateway.http.mlflow.routers import ROUTERS as MLFLOW
from colonnade.gateway.http.oip import routes as oip
from colonnade.gateway.http.openai.routers import ROUTERS as OPENAI
from colonnade.gateway.http.responses import routes as responses
from colonnade.gateway.http.routes import (
    cache,
    catalogue,
    docs,
    drafts,
    engines,
    evaluations,
    events,
    generate,
    health,
    keys,
    limits,
    lineage,
    metrics,
    models,
    preparing,
    rollouts,
    seals,
    texts,
    tokens,
    upkeep,
    usage,
    version,
)

ROUTERS = (
    generate.router,
    texts.router,
    tokens.router,
    *OPENAI,
    responses.router,
    models.router,
    catalogue.router,
    drafts.router,
    preparing.router,
    seals.router,
    rollouts.router,
    lineage.router,
    evaluations.router,
    events.router,
    engines.router,
    cache.router,
    keys.router,
    limits.router,
    usage.router,
    upkeep.router,
    health.router,
    metrics.router,
    oip.router,
    *MLFLOW,
    docs.router,
    version.router,
)
