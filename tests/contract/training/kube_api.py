"""The API server of Kubernetes for RayJobs, and behind it what KubeRay does with one.

Where ``COLONNADE_TEST_CRDS`` names the folder with KubeRay's ``ray.io_rayjobs.yaml``, what is created is held
against its schema, fields that it does not know included.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.contract.training.answering import Answer
from tests.contract.training.commands import Commands

_PATH = re.compile(r"/apis/ray\.io/v1/namespaces/([a-z0-9-]+)/rayjobs(?:/([^/]+))?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 47
"""KubeRay's: it names pods after it."""


@dataclass
class KubeApi:
    commands: Commands
    namespace: str
    created: dict[str, dict[str, Any]] = field(default_factory=dict)
    forbidden: bool = False

    def __call__(self, method: str, path: str, beside: Mapping[str, str], said: Any) -> Answer:
        found = _PATH.fullmatch(path)
        assert found, path
        namespace, name = found.groups()
        if self.forbidden or namespace != self.namespace:
            return _status(403, "Forbidden")
        if method == "POST":
            return self._create(said)
        if name not in self.created:
            return _status(404, "NotFound")
        if method == "DELETE":
            assert beside["propagationPolicy"] == "Foreground"
            self.commands.stop(name)
            return 200, self.created.pop(name)
        return 200, {**self.created[name], "status": self._state(name)}

    def _create(self, said: dict[str, Any]) -> Answer:
        name = said["metadata"]["name"]
        if name in self.created:
            return _status(409, "AlreadyExists")
        if wrong := _wrong(said):
            return _status(422, wrong)
        self.created[name] = said
        self.commands.submit(name, said["spec"]["entrypoint"])
        return 201, said

    def _state(self, name: str) -> dict[str, str]:
        status = self.commands.status(name)
        if status == "PENDING":
            return {"jobDeploymentStatus": "Initializing"}
        deployment = {"RUNNING": "Running", "SUCCEEDED": "Complete"}.get(status, "Failed")
        return {"jobDeploymentStatus": deployment, "jobStatus": status}


def _wrong(said: dict[str, Any]) -> str:
    name = said["metadata"]["name"]
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        return "metadata.name"
    if (said["apiVersion"], said["kind"]) != ("ray.io/v1", "RayJob"):
        return "kind"
    if schema := _schema():
        errors = [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(said)]
        return "; ".join(errors)
    return ""


@cache
def _schema() -> dict[str, Any] | None:
    folder = os.environ.get("COLONNADE_TEST_CRDS")
    if not folder:
        return None
    crd = yaml.safe_load((Path(folder) / "ray.io_rayjobs.yaml").read_text())
    versions = {each["name"]: each["schema"]["openAPIV3Schema"] for each in crd["spec"]["versions"]}
    schema: dict[str, Any] = versions["v1"]
    _close(schema["properties"]["spec"])
    return schema


def _close(schema: dict[str, Any]) -> None:
    """Kubernetes drops what a schema does not name; here it is an error."""
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    for each in (*schema.get("properties", {}).values(), schema.get("items")):
        if isinstance(each, dict):
            _close(each)
    if schema.get("x-kubernetes-int-or-string"):
        schema.pop("type", None)


def _status(code: int, reason: str) -> Answer:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
