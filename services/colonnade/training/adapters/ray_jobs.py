"""A Ray cluster that runs, through its job API: HTTP, with Ray's token."""

from pathlib import Path
from typing import Any

import httpx

from colonnade.errors import Unavailable
from colonnade.training.adapters.submitted import State
from colonnade.training.domain import Job

_SECONDS = 15.0
_STATES = {
    "PENDING": State.UNDER_WAY,
    "RUNNING": State.UNDER_WAY,
    "SUCCEEDED": State.OVER,
    "FAILED": State.OVER,
    "STOPPED": State.OVER,
}


class RayJobs:
    """Implements ``submitted.Cluster``. ``token`` names a file, which is read again for each request."""

    def __init__(self, address: str, token: Path | None = None) -> None:
        self._address, self._token = address.rstrip("/"), token
        # Neither proxies nor passwords of the environment: the address is all there is.
        self._http = httpx.AsyncClient(base_url=self._address, timeout=_SECONDS, trust_env=False)

    @property
    def place(self) -> str:
        return f"ray {self._address}"

    async def submit(self, name: str, command: str, job: Job) -> None:
        wish = {
            "submission_id": name,
            "entrypoint": command,
            "metadata": {"job": job.id, "run": job.asked.name, "tenant": job.tenant},
        }
        answer = await self._ask("POST", "", json=wish)
        # Ray answers 500 to a name that was taken.
        if not answer.is_success and await self.state(name) is State.UNKNOWN:
            raise Unavailable(f"Ray does not take the run: it answers {answer.status_code}")

    async def state(self, name: str) -> State:
        answer = await self._ask("GET", name)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return State.UNKNOWN
        status = str(answer.json().get("status")) if answer.is_success else ""
        if status not in _STATES:
            raise Unavailable(f"Ray does not say how the run is: it answers {answer.status_code} {status}")
        return _STATES[status]

    async def end(self, name: str) -> None:
        answer = await self._ask("POST", f"{name}/stop")
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise Unavailable(f"Ray does not end the run: it answers {answer.status_code}")

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, f"/api/jobs/{path}", headers=self._headers(), **more)
        except httpx.HTTPError as error:
            raise Unavailable("no Ray cluster answers at COLONNADE_TRAINING_RAY_ADDRESS") from error
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise Unavailable(
                "the Ray cluster refuses the token; COLONNADE_TRAINING_RAY_TOKEN_FILE must name a file with"
                " the cluster's"
            )
        return answer

    def _headers(self) -> dict[str, str]:
        if self._token is None:
            return {}
        try:
            return {"Authorization": f"Bearer {self._token.read_text().strip()}"}
        except OSError as error:
            raise Unavailable(
                f"COLONNADE_TRAINING_RAY_TOKEN_FILE cannot be read: {error.strerror}"
            ) from error
