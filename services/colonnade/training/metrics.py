"""What the training service counts, and the last figures of the runs that are under way.

Labels are bounded: states of jobs, and the names of runs that have a worker now, of which there are as many
as slots; a run's series go with it."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from colonnade.telemetry.metrics import Gauge, counter, gauge
from colonnade.training.domain import Job

RUNNING = gauge("training_running", "jobs", "Jobs that have a worker")
ENDED = counter("training", "jobs", "Jobs that ended", ("state",))
LOST = counter("training_lost", "workers", "Workers that ended without an ending, or were given up")

_RUN = ("run",)
_STEPS = gauge("training_run", "steps", "Steps that a run has done", _RUN)
_FIGURES: Mapping[str, Gauge] = {
    "loss": gauge("training_run_loss", "nats", "Mean loss of a target since the report before", _RUN),
    "validation.loss": gauge("training_run_validation_loss", "nats", "At the last evaluation", _RUN),
    "learning_rate": gauge("training_run_learning", "rate", "Of the last step", _RUN),
    "gradient_norm": gauge("training_run_gradient", "norm", "Of all gradients, before clipping", _RUN),
    "tokens_per_second": gauge("training_run", "tokens_per_second", "Since the report before", _RUN),
    "mfu": gauge("training_run_mfu", "ratio", "Operations over what the machine could do", _RUN),
    "memory_bytes": gauge("training_run_memory", "bytes", "Of the worker", _RUN),
}


class Shown:
    """Which runs have series."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def show(self, jobs: Iterable[Job]) -> None:
        """Those that have workers, and no other ones; of two of one name the later."""
        running = {job.asked.name: job for job in jobs}
        for name in self._names - running.keys():
            for each in (_STEPS, *_FIGURES.values()):
                with suppress(KeyError):
                    each.remove(name)
        for name, job in running.items():
            _STEPS.labels(name).set(job.step)
            for key in _FIGURES.keys() & job.metrics.keys():
                _FIGURES[key].labels(name).set(job.metrics[key])
        self._names = set(running)
