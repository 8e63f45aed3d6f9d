"""The routes below ``/mlflow``."""

from colonnade.gateway.http.mlflow import artifacts, models, versions

ROUTERS = (models.router, versions.router, artifacts.router)
