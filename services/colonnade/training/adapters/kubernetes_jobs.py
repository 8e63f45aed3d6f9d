"""RayJobs of Kubernetes: KubeRay makes a cluster for each run, and takes it down after it.

What such a cluster is made of is the operator's to say, in a template: a RayJob as KubeRay documents it. Here
it gets a name, the command, and that it runs once.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.training.adapters.submitted import State
from colonnade.training.domain import Job

_GROUP, _VERSION, _PLURAL = "ray.io", "v1", "rayjobs"
_SECONDS = 15
_KEPT_SECONDS = 24 * 3600
"""After its end, so that what KubeRay and Ray say of it can still be read; its cluster goes at once."""
_TEMPLATE = "COLONNADE_TRAINING_KUBERNETES_TEMPLATE"
_OVER = ("Complete", "Failed", "ValidationFailed")
_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
_CONFLICT, _NOT_FOUND = 409, 404


class KubernetesJobs:
    """Implements ``submitted.Cluster``."""

    def __init__(self, objects: client.CustomObjectsApi, namespace: str, template: Mapping[str, Any]) -> None:
        self._objects, self._namespace, self._template = objects, namespace, template

    @classmethod
    def reached(cls, namespace: str, template: Mapping[str, Any]) -> "KubernetesJobs":
        """Through the pod's own account, or as ``kubectl`` would. Raises ``InvalidArgument``."""
        configuration = client.Configuration()
        try:
            _log_in(configuration)
        except config.ConfigException as error:
            raise InvalidArgument(
                "there is no Kubernetes to reach; run in a pod, or name a file in KUBECONFIG"
            ) from error
        configuration.retries = False  # the dispatcher tries again
        return cls(client.CustomObjectsApi(client.ApiClient(configuration)), namespace, template)

    @property
    def place(self) -> str:
        return f"kubernetes {self._namespace}"

    async def submit(self, name: str, command: str, job: Job) -> None:
        body = manifest(self._template, _dns(name), command, job)
        await self._ask("create_namespaced_custom_object", body=body, fine=_CONFLICT)

    async def state(self, name: str) -> State:
        found = await self._ask("get_namespaced_custom_object", name=_dns(name), fine=_NOT_FOUND)
        if found is None:
            return State.UNKNOWN
        status = found.get("status") or {}
        over = status.get("jobDeploymentStatus") in _OVER or status.get("jobStatus") in _ENDED
        return State.OVER if over else State.UNDER_WAY

    async def end(self, name: str) -> None:
        """In the foreground: it is there until its pods are gone."""
        await self._ask(
            "delete_namespaced_custom_object",
            name=_dns(name),
            propagation_policy="Foreground",
            fine=_NOT_FOUND,
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._objects.api_client.close)

    async def _ask(self, what: str, *, fine: int, **more: Any) -> Any:
        """None where it answers ``fine``."""
        call = partial(
            getattr(self._objects, what),
            _GROUP,
            _VERSION,
            self._namespace,
            _PLURAL,
            _request_timeout=_SECONDS,
            **more,
        )
        try:
            return await asyncio.to_thread(call)
        except client.ApiException as error:
            if error.status == fine:
                return None
            raise Unavailable(
                f"Kubernetes answers {error.status} ({error.reason}); the service's account must be able to"
                f" create, get and delete {_PLURAL}.{_GROUP} in namespace {self._namespace}, and {_TEMPLATE}"
                " be what KubeRay takes"
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("Kubernetes does not answer") from error


def _log_in(configuration: client.Configuration) -> None:
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:  # this is no pod
        config.load_kube_config(client_configuration=configuration)


def read_template(path: Path) -> dict[str, Any]:
    """Raises ``InvalidArgument``."""
    try:
        said = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidArgument(f"{_TEMPLATE} names no YAML file that can be read", field=_TEMPLATE) from error
    spec = said.get("spec") if isinstance(said, dict) and said.get("kind") == "RayJob" else None
    if not isinstance(spec, dict) or not isinstance(spec.get("rayClusterSpec"), dict):
        raise InvalidArgument(
            f"{_TEMPLATE} must name one RayJob with spec.rayClusterSpec; for a cluster that runs already,"
            " COLONNADE_TRAINING_RUNNER is ray",
            field=_TEMPLATE,
        )
    return dict(said)


def manifest(template: Mapping[str, Any], name: str, command: str, job: Job) -> dict[str, Any]:
    """A RayJob that runs the command once, and whose cluster ends with it."""
    said = template.get("metadata") or {}
    labels = {
        "app.kubernetes.io/name": "colonnade-training-run",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/part-of": "colonnade",
        "app.kubernetes.io/managed-by": "colonnade-training",
    }
    about = {"colonnade.dev/job": job.id, "colonnade.dev/run": job.asked.name, "colonnade.dev/by": job.by}
    return {
        "apiVersion": f"{_GROUP}/{_VERSION}",
        "kind": "RayJob",
        "metadata": {
            "name": name,
            "labels": {**(said.get("labels") or {}), **labels},
            "annotations": {**(said.get("annotations") or {}), **about},
        },
        "spec": {
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            **template["spec"],
            "entrypoint": command,
            "jobId": name,
            "backoffLimit": 0,  # the service starts another attempt, if any
            "shutdownAfterJobFinishes": True,
            "suspend": False,
        },
    }


def _dns(name: str) -> str:
    """As Kubernetes names things."""
    return name.replace("_", "-")
