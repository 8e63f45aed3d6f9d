"""Our application on the Ray cluster that this process is connected to. Import it once there is one."""

import time
from dataclasses import dataclass

from ray import serve

from colonnade.serving.app import DEPLOYMENT, NAME, build
from colonnade.serving.settings import ServingSettings

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class State:
    running: int
    status: str
    message: str = ""

    @property
    def failed(self) -> bool:
        return self.status == "DEPLOY_FAILED"


def deploy(settings: ServingSettings) -> None:
    """Returns before the engines are ready. Without proxies of Ray's: nobody calls the application."""
    serve.start(proxy_location="Disabled" if settings.own_cluster or settings.one_machine else "EveryNode")
    serve.run_many(
        [serve.RunTarget(target=build({}), name=NAME, route_prefix=None)],
        wait_for_ingress_deployment_creation=False,
        wait_for_applications_running=False,
    )


def state() -> State:
    found = serve.status().applications.get(NAME)
    if found is None:
        return State(0, "NOT_STARTED")
    ours = found.deployments.get(DEPLOYMENT)
    running = ours.replica_states.get("RUNNING", 0) if ours else 0
    return State(running, str(found.status.value), ours.message if ours else found.message)


def remove(seconds: float) -> bool:
    """Has the replicas end; whether all have within ``seconds``."""
    serve.delete(NAME, _blocking=False)
    deadline = time.monotonic() + seconds
    while NAME in serve.status().applications:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
