"""Does the platform run, and if not, could it?"""

import errno
from collections.abc import Iterator, Sequence

from colonnade.cli.checks.finding import Finding, fail, ok, warn
from colonnade.errors import ColonnadeError
from colonnade.supervise.console import Console, installed
from colonnade.supervise.defaults import GATEWAY_PORT
from colonnade.supervise.home import Home
from colonnade.supervise.preflight import holder, port_problem
from colonnade.supervise.remote import Remote
from colonnade.supervise.states import PlatformStatus, ServiceStatus, State
from colonnade.supervise.topology import ServiceSpec, platform


def status(home: Home) -> PlatformStatus | None:
    """None where no platform runs in this home, or none that answers."""
    try:
        return Remote(home, seconds=3.0).status() if home.control.exists() else None
    except (ColonnadeError, OSError, ValueError):
        return None


def look(home: Home, now: PlatformStatus | None, port: int = GATEWAY_PORT) -> Iterator[Finding]:
    if now is not None:
        yield from services(now)
        yield gateway(now.url)
        return
    if pid := holder(home):
        yield fail(
            "platform", f"the supervisor (pid {pid}) does not answer", "end it with: colonnade down --force"
        )
        return
    yield ok("platform", "does not run in this home; start it with: colonnade up")
    yield from ports(platform(home, port=port, console=Console() if installed() else None))


def services(now: PlatformStatus) -> Iterator[Finding]:
    for service in now.services:
        yield _service(service)


def _service(service: ServiceStatus) -> Finding:
    what = f"{service.name} is {service.state}"
    if service.state is State.READY:
        restarts = f" (restarted {service.restarts} times)" if service.restarts else ""
        return ok("services", what + restarts)
    reason = f": {service.reason}" if service.reason else ""
    remedy = f"see: colonnade logs {service.name}"
    if service.state in (State.CRASH_LOOP, State.BACKING_OFF):
        return fail("services", what + reason, remedy)
    return warn("services", what + reason, f"wait a little, or {remedy}")


def gateway(url: str) -> Finding:
    from colonnade.client import Colonnade

    try:
        with Colonnade(url, timeout=5.0, max_retries=0) as client:
            answer = client.version()
    except ColonnadeError as error:
        return fail("gateway", error.message, "see: colonnade logs gateway")
    return ok("gateway", f"{url} answers, version {answer.version}")


def ports(specs: Sequence[ServiceSpec]) -> Iterator[Finding]:
    for spec in specs:
        for port in spec.ports:
            problem = port_problem(spec.host, port)
            if problem is None:
                yield ok("ports", f"{port} is free for the {spec.name}")
            elif problem == errno.EACCES:
                yield fail("ports", f"{port} is reserved for root", "choose a port above 1023")
            else:
                yield fail("ports", f"{port}, which the {spec.name} needs, is in use", _other_port(spec.name))


def _other_port(service: str) -> str:
    options = {"gateway": "colonnade up --port <another>", "console": "colonnade up --console-port <another>"}
    return options.get(service, f"set COLONNADE_{service.upper()}_METRICS_PORT to another")
