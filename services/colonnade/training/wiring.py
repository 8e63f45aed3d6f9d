"""The runner that the settings choose. What only a cluster's needs is imported only where there is one."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from colonnade.errors import InvalidArgument
from colonnade.supervise.replicas import Replicas
from colonnade.training.adapters.child_process import ChildProcessRunner
from colonnade.training.adapters.submitted import Cluster, Shape, SubmittedRunner
from colonnade.training.adapters.worker_command import COMMAND
from colonnade.training.ports import Runner
from colonnade.training.settings import TrainingSettings


@asynccontextmanager
async def running(settings: TrainingSettings, command: Sequence[str] = ()) -> AsyncIterator[Runner]:
    """Workers of this machine run ``command``, if it is given. Raises ``InvalidArgument``."""
    check_runner(settings)
    if settings.runner == "process":
        yield ChildProcessRunner(
            settings.jobs, settings.work, os.environ,
            command=command or (settings.python, *COMMAND[1:]),
            passed_on=settings.passed_on, threads=settings.worker_threads,
        )  # fmt: skip
        return
    runner = SubmittedRunner(
        _cluster(settings),
        settings.jobs,
        settings.work,
        _shape(settings),
        python=settings.worker_python or "python",
    )
    try:
        yield runner
    finally:
        await runner.close()


def check_runner(settings: TrainingSettings) -> None:
    """Raises ``InvalidArgument`` for what cannot work."""
    if settings.runner == "process":
        _check_is_there("WORKER_PYTHON", Path(settings.python))
        return
    if settings.passed_on:
        raise InvalidArgument(
            "COLONNADE_TRAINING_WORKER_ENVIRONMENT is for workers of this machine; on a cluster they get the"
            " environment that it gives them",
            field="COLONNADE_TRAINING_WORKER_ENVIRONMENT",
        )
    if settings.runner == "ray" and settings.ray_token_file:
        _check_is_there("RAY_TOKEN_FILE", settings.ray_token_file)
    if settings.runner == "kubernetes":
        _read_template(settings)


def _cluster(settings: TrainingSettings) -> Cluster:
    if settings.runner == "ray":
        from colonnade.training.adapters.ray_jobs import RayJobs

        return RayJobs(settings.ray_address, settings.ray_token_file)
    from colonnade.training.adapters.kubernetes_jobs import KubernetesJobs

    return KubernetesJobs.reached(settings.kubernetes_namespace, _read_template(settings))


def _read_template(settings: TrainingSettings) -> dict[str, object]:
    if settings.kubernetes_template is None:
        raise InvalidArgument(
            "COLONNADE_TRAINING_KUBERNETES_TEMPLATE must name a RayJob in YAML: what cluster a run gets",
            field="COLONNADE_TRAINING_KUBERNETES_TEMPLATE",
        )
    try:
        from colonnade.training.adapters.kubernetes_jobs import read_template
    except ModuleNotFoundError:
        raise InvalidArgument(
            "the Kubernetes client is not installed; install it with: pip install 'colonnade[kubernetes]'"
        ) from None
    return read_template(settings.kubernetes_template)


def _shape(settings: TrainingSettings) -> Shape:
    return Shape(
        Replicas.parse(settings.workers),
        settings.worker_cpus,
        settings.worker_gpus,
        settings.worker_threads,
        settings.max_lost,
        settings.grow_seconds,
    )


def _check_is_there(name: str, path: Path) -> None:
    if not path.exists():
        field = f"COLONNADE_TRAINING_{name}"
        raise InvalidArgument(f"{field} names nothing that is there", field=field)
