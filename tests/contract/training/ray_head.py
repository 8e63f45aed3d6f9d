"""The job API of a Ray head (2.60): its paths, fields and statuses, with the token."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.training.answering import Answer
from tests.contract.training.commands import Commands

_PATH = re.compile(r"/api/jobs/(?:([^/]+)(/stop)?)?")


@dataclass
class RayHead:
    commands: Commands
    token: str
    wishes: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, method: str, path: str, beside: Mapping[str, str], said: Any) -> Answer:
        if "authorization" not in beside:
            return 401, "Unauthorized: Missing authentication token"
        if beside["authorization"] != f"Bearer {self.token}":
            return 403, "Forbidden: Invalid authentication token"
        found = _PATH.fullmatch(path)
        assert found, path
        name, stops = found.groups()
        if name is None:
            return self._submit(said)
        if not (status := self.commands.status(name)):
            return 404, f"Job {name} does not exist"
        if stops:
            return 200, {"stopped": self.commands.stop(name)}
        return 200, {"type": "SUBMISSION", "submission_id": name, "status": status, "message": ""}

    def _submit(self, said: dict[str, Any]) -> Answer:
        assert set(said) <= {"submission_id", "entrypoint", "metadata", "runtime_env", "entrypoint_num_cpus"}
        assert all(isinstance(value, str) for value in said["metadata"].values())
        self.wishes.append(said)
        name = said["submission_id"]
        if not self.commands.submit(name, said["entrypoint"]):
            return 500, f"RuntimeError: ValueError: Job with submission_id {name} already exists."
        return 200, {"job_id": name, "submission_id": name}
