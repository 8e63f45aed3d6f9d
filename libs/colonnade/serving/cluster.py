"""The Ray cluster: one of our own on this machine, which ends with us, or one that runs elsewhere."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colonnade.errors import Unavailable
from colonnade.serving.settings import ServingSettings

_LOOPBACK = "127.0.0.1"
_ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Has every process of Ray listen on loopback alone. (It says: this is no cluster of many machines.)"""
_OBJECT_STORE_BYTES = 80 << 20
"""The least that Ray takes: neither weights nor tokens pass through it."""

_SELDOM = {
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "1",
    "RAY_SERVE_EVENT_LOOP_MONITORING_INTERVAL_S": "60",
    "RAY_enable_metrics_collection": "0",
    "RAY_gcs_pull_resource_loads_period_milliseconds": "5000",
    "RAY_raylet_report_resources_period_milliseconds": "1000",
    "RAY_task_events_report_interval_ms": "0",
}
"""Ray looks after clusters of thousands ten times a second. For a few engines that never change, on the very
cores that they compute with, half of that work is left out."""


@contextmanager
def cluster(settings: ServingSettings) -> Iterator[None]:
    """Connected meanwhile. Enter it on the main thread: Ray's processes end with the one that started them.

    ray reads much of its environment while it is imported; so it is imported here, after that is set.
    """
    with _own(settings) if settings.own_cluster else _elsewhere(settings):
        yield


@contextmanager
def _own(settings: ServingSettings) -> Iterator[None]:
    folder = settings.ray_folder
    shutil.rmtree(folder, ignore_errors=True)  # what a killed one left
    folder.mkdir(parents=True, mode=0o700)  # Ray opens its own folders to everybody
    _seclude(folder)
    import ray

    try:
        ray.init(
            address="local",
            namespace="colonnade",
            num_cpus=max(1, int(settings.cpus_each * settings.range.most + 0.999)),
            num_gpus=None if settings.gpus else 0,
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=bool(settings.dashboard_port),
            dashboard_host=_LOOPBACK,
            dashboard_port=settings.dashboard_port or None,
            log_to_driver=False,
            logging_level="warning",
            _temp_dir=str(folder / "s"),
        )
        yield
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _elsewhere(settings: ServingSettings) -> Iterator[None]:
    if settings.ray_address.startswith(_LOOPBACK):
        os.environ |= _ON_LOOPBACK  # or Ray would look for it at the machine's other address
    import ray

    try:
        ray.init(
            address=settings.ray_address,
            namespace="colonnade",
            log_to_driver=False,
            runtime_env={"env_vars": settings.for_engines(os.environ)} if settings.one_machine else None,
        )
    except (ConnectionError, RuntimeError) as error:
        raise Unavailable("no Ray cluster answers at COLONNADE_SERVING_RAY_ADDRESS") from error
    try:
        yield
    finally:
        ray.shutdown()


def _seclude(folder: Path) -> None:
    """A cluster that only who may read ``folder`` can use, and only from this machine."""
    token = folder / "token"
    with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    for name in ("RAY_AUTH_TOKEN", "RAY_ADDRESS", "RAY_NAMESPACE"):
        os.environ.pop(name, None)
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        **_ON_LOOPBACK,
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray has its workers give way to everything else, and engines are their children.
        "RAY_worker_niceness": "0",
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
        **_SELDOM,
    }
