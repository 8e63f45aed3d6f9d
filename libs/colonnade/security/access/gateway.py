"""Who may call which route of the gateway. Keys are ``METHOD /template``."""

from colonnade.security.access.roles import (
    CHANGE_MODELS,
    GENERATE,
    MANAGE_KEYS,
    PEOPLE,
    SEE_KEYS,
    SEE_METRICS,
    SEE_MODELS,
)
from colonnade.security.access.table import PUBLIC, Table

ROUTES: Table = {
    "POST /generate": GENERATE & PEOPLE,
    "POST /embed": GENERATE & PEOPLE,
    "POST /score": GENERATE & PEOPLE,
    "GET /models": SEE_MODELS & PEOPLE,
    "GET /models/{name}": SEE_MODELS & PEOPLE,
    "POST /models/import": CHANGE_MODELS,
    "PUT /models/{name}/aliases/{alias}": CHANGE_MODELS,
    "DELETE /models/{name}/aliases/{alias}": CHANGE_MODELS,
    "POST /keys": MANAGE_KEYS,
    "GET /keys": SEE_KEYS,
    "DELETE /keys/{id}": MANAGE_KEYS,
    "POST /keys/{id}/rotate": MANAGE_KEYS,
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /version": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /metrics": SEE_METRICS,
}
