"""The real command over fake services: ``python -m tests.unit.cli.fake_up up --port 1234``.

FAKE_GATEWAY holds the fake gateway's flags, FAKE_ENGINE the fake engine's.
"""

import os
import sys

from colonnade.cli import foreground
from colonnade.cli.main import main
from colonnade.supervise import __main__ as background
from colonnade.supervise import detach
from colonnade.supervise.console import Console
from colonnade.supervise.engines import Engines
from colonnade.supervise.home import Home
from colonnade.supervise.probe import HttpHealth
from colonnade.supervise.topology import ServiceSpec
from tests.unit.supervise.stage import fake_spec


def fake_platform(
    home: Home, *, host: str, port: int, engines: Engines, console: Console | None
) -> tuple[ServiceSpec, ...]:
    """The console is in the names of none: its page is another test's."""
    gateway = ServiceSpec(
        name="gateway",
        command=(
            sys.executable, "-m", "tests.unit.cli.fake_gateway", str(port), str(home.root),
            *os.environ.get("FAKE_GATEWAY", "").split(),
        ),
        probe=HttpHealth(host, port),
        address=f"http://{host}:{port}",
        env=dict(os.environ),
        ports=(port,),
    )  # fmt: skip
    fakes = [
        fake_spec(home, name, *os.environ.get("FAKE_ENGINE", "").split(), stop_rank=2)
        for name in _named(engines)
    ]
    return fake_spec(home, "registry", stop_rank=3), *fakes, gateway


def _named(engines: Engines) -> tuple[str, ...]:
    """With what tells them apart in their names, so that it shows."""
    if engines.replicas is None:
        return engines.services
    where = engines.ray_address.replace(":", "-")
    return (f"serving-{engines.replicas.least}-{engines.replicas.most}{where and f'-at-{where}'}",)


for module in (foreground, background):
    vars(module)["platform"] = fake_platform
detach._MODULE = "tests.unit.cli.fake_up"

if __name__ == "__main__":
    if "--tell" in sys.argv:
        sys.exit(background.main())
    main()
