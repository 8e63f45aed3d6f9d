"""Weights & Biases and MLflow, for those who use them. Neither is installed with the training extra."""

import importlib
from typing import Any

from colonnade.errors import Unsupported
from colonnade.learn.reports.events import Evaluated, Event, Stepped


class WandbTracker:
    """A run of Weights & Biases; ``key`` lets a run that goes on after a kill go on there too."""

    def __init__(self, project: str, key: str, config: dict[str, Any]) -> None:
        wandb = _imported("wandb", "reports.wandb")
        self._run = wandb.init(project=project, id=key, resume="allow", config=config)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stepped | Evaluated):
            group = "train" if isinstance(event, Stepped) else "validation"
            self._run.log({f"{group}/{name}": value for name, value in event.values.items()}, step=event.step)

    def close(self) -> None:
        self._run.finish()


class MlflowTracker:
    """A run of MLflow, on whatever server ``uri`` names."""

    def __init__(self, uri: str, experiment: str, key: str, config: dict[str, Any]) -> None:
        self._client = _imported("mlflow", "reports.mlflow").MlflowClient(tracking_uri=uri)
        found = self._client.get_experiment_by_name(experiment)
        place = found.experiment_id if found else self._client.create_experiment(experiment)
        known = self._client.search_runs([place], f"tags.colonnade_run = '{key}'", max_results=1)
        run = known[0] if known else self._client.create_run(place, tags={"colonnade_run": key})
        self._run = run.info.run_id
        if not known:
            for name, value in config.items():
                self._client.log_param(self._run, name, str(value)[:500])

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stepped | Evaluated):
            group = "train" if isinstance(event, Stepped) else "validation"
            for name, value in event.values.items():
                self._client.log_metric(self._run, f"{group}/{name}", value, step=event.step)

    def close(self) -> None:
        self._client.set_terminated(self._run)


def _imported(name: str, field: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"{field} needs the package {name}; `pip install {name}`, or leave {field} out", field=field
        ) from error
