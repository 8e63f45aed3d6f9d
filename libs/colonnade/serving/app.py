"""The Ray Serve application: ``colonnade.serving.app:build`` is the import path for ``serve`` and KubeRay."""

from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

from colonnade.serving.replica import EngineReplica, stopping_seconds
from colonnade.serving.settings import ServingSettings

NAME = "colonnade"
DEPLOYMENT = "engine"
_HEALTH_SECONDS, _HEALTH_TIMEOUT = 2.0, 15.0


def build(arguments: dict[str, Any]) -> serve.Application:
    """``arguments``: fields of ``ServingSettings``, before the environment, here and in each replica."""
    settings = ServingSettings.of(arguments)
    deployment = serve.deployment(
        name=DEPLOYMENT,
        ray_actor_options={"num_cpus": settings.cpus_each, "num_gpus": settings.gpus},
        health_check_period_s=_HEALTH_SECONDS,
        health_check_timeout_s=_HEALTH_TIMEOUT,
        graceful_shutdown_timeout_s=stopping_seconds(settings),
        **_numbers(settings),
    )(EngineReplica)
    return deployment.bind(arguments)


def _numbers(settings: ServingSettings) -> dict[str, Any]:
    replicas = settings.range
    if replicas.fixed:
        return {"num_replicas": replicas.least}
    return {
        "autoscaling_config": AutoscalingConfig(
            min_replicas=replicas.least,
            max_replicas=replicas.most,
            target_ongoing_requests=settings.target_requests,
            look_back_period_s=settings.window_seconds,
            upscale_delay_s=settings.upscale_seconds,
            downscale_delay_s=settings.downscale_seconds,
            policy=AutoscalingPolicy(policy_function="colonnade.serving.scaling:policy"),
        )
    }
