"""The application as Ray Serve gets it, and the example for KubeRay in the guide."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from colonnade.errors import InvalidArgument
from colonnade.serving.app import build
from colonnade.serving.replica import EngineReplica

GUIDE = Path(__file__).parents[3] / "docs/ray.md"


def deployment(**arguments: Any) -> Any:
    return build(arguments)._bound_deployment


def test_a_number_of_replicas_stays_what_it_is() -> None:
    made = deployment(replicas="3", cpus=2, gpus=1, drain_seconds=60)
    assert made.func_or_class is EngineReplica
    assert made.num_replicas == 3
    assert made._deployment_config.autoscaling_config is None
    options = made.ray_actor_options
    assert (options["num_cpus"], options["num_gpus"]) == (2, 1)
    assert made._deployment_config.graceful_shutdown_timeout_s > 60, "it is not killed while it drains"


def test_a_range_scales_by_our_policy() -> None:
    scaling = deployment(
        replicas="1:4", target_requests=9, upscale_seconds=3
    )._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas) == (1, 4)
    assert (scaling.target_ongoing_requests, scaling.upscale_delay_s) == (9, 3)
    assert scaling.policy.get_policy().__module__ == "colonnade.serving.scaling"


def test_a_replica_gets_the_arguments_that_were_given() -> None:
    assert deployment(replicas="2", port=9200).init_args == ({"replicas": "2", "port": 9200},)


def test_an_unknown_argument_is_refused_before_anything_starts() -> None:
    with pytest.raises(InvalidArgument, match="there is no argument 'model'"):
        build({"model": "tiny"})


def test_the_guides_example_is_what_ray_and_we_take() -> None:
    shown = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert shown
    service = yaml.safe_load(shown[1])
    config = ServeDeploySchema(**yaml.safe_load(service["spec"]["serveConfigV2"]))
    (application,) = config.applications
    assert application.import_path == f"{build.__module__}:{build.__name__}"
    assert deployment(**application.args).ray_actor_options["num_gpus"] == 1
