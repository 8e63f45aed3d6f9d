"""What MLflow's words come to here."""

from dataclasses import dataclass

from colonnade.gateway.service.mlflow.making import Making
from colonnade.gateway.service.mlflow.models import RegisteredModels
from colonnade.gateway.service.mlflow.versions import ModelVersions

__all__ = ["Making", "Mlflow", "ModelVersions", "RegisteredModels"]


@dataclass(frozen=True, slots=True)
class Mlflow:
    """The registry as MLflow's clients know one."""

    models: RegisteredModels
    versions: ModelVersions
