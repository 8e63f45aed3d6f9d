"""``colonnade status``"""

from typing import TYPE_CHECKING

from colonnade.cli.connection import AsJson, HomeFolder
from colonnade.cli.terminal import human_bytes, human_seconds, out, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from colonnade.supervise.states import ServiceStatus

_COLOURS = {"ready": "green", "crash loop": "bold red", "stopped": "dim", "pending": "dim"}


def status(home: HomeFolder = None, as_json: AsJson = False) -> None:
    """What runs on this machine and how it is. Status 1 where nothing runs."""
    from colonnade.supervise.home import Home
    from colonnade.supervise.remote import Remote

    now = Remote(Home.of(home)).status()
    if as_json:
        out().print_json(data=now.to_json())
        return
    out().print(as_table(now.services))
    for service in now.services:
        if service.reason:
            out().print(f"{service.name}: {service.reason}")
    state = "stopping" if now.stopping else "ready" if now.ready else "not ready"
    address = f" at {now.url}" if now.url else ""
    out().print(
        f"\nThe platform{address} (pid {now.pid}) is {state}; up {human_seconds(now.uptime_seconds)}.",
    )


def as_table(services: "tuple[ServiceStatus, ...]") -> "Table":
    made = table(
        "service", "state", "pid", "uptime", "restarts", "memory", "address",
        right=("pid", "uptime", "restarts", "memory"),
    )  # fmt: skip
    for service in services:
        made.add_row(
            service.name,
            coloured(service.state.value),
            str(service.pid or "-"),
            "-" if service.uptime_seconds is None else human_seconds(service.uptime_seconds),
            str(service.restarts),
            "-" if service.memory_bytes is None else human_bytes(service.memory_bytes),
            service.address,
        )
    return made


def coloured(state: str) -> "Text":
    from rich.text import Text

    return Text(state, style=_COLOURS.get(state, "yellow"))
