"""Records what an evaluation found with the version that it judged, in the name of whoever submitted it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from colonnade.errors import InvalidArgument
from colonnade.security.identity import Principal
from colonnade.training.domain import Job
from colonnade.training.publishing.lineage import dataset_of
from colonnade.training.publishing.ports import Evaluation, Ledger, Outputs, Registry


class Recorder:
    def __init__(
        self, registry: Registry, outputs: Outputs, ledger: Ledger, behalf: Callable[[Job], Principal]
    ) -> None:
        self._registry, self._outputs = registry, outputs
        self._ledger, self._behalf = ledger, behalf

    async def record(self, job: Job) -> None:
        """Once a job, however often it is called. Raises what keeps it from that."""
        who, result, judged = self._behalf(job), await self._outputs.result(job.id), job.brought["model.from"]
        evaluation = Evaluation(judged, job.asked.name, dataset_of(result), _figures(result), job.id)
        await self._registry.evaluated(who, evaluation, f"evaluate-{job.id}")
        await self._ledger.published(job, f"recorded with {judged} as {job.asked.name}")


def _figures(result: Mapping[str, Any]) -> Mapping[str, float]:
    """What a run says of text that it did not learn from."""
    metrics = result.get("metrics")
    found = metrics.get("validation") if isinstance(metrics, Mapping) else None
    said = found.items() if isinstance(found, Mapping) else ()
    figures = {str(name): float(value) for name, value in said if type(value) in (int, float)}
    if not figures or not all(map(math.isfinite, figures.values())):
        raise InvalidArgument("the run's result.json has no figures; retry the job")
    return figures
