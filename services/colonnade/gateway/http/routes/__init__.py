"""The routes, one file a noun."""

from colonnade.gateway.http.routes import docs, generate, health, keys, metrics, models, texts, version

ROUTERS = (
    generate.router,
    texts.router,
    models.router,
    keys.router,
    health.router,
    metrics.router,
    docs.router,
    version.router,
)
