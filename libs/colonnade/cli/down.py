"""``colonnade down``"""

import os
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import HomeFolder
from colonnade.cli.terminal import remark
from colonnade.errors import Unavailable

if TYPE_CHECKING:
    from colonnade.supervise.home import Home


def down(
    home: HomeFolder = None,
    force: Annotated[
        bool, typer.Option("--force", help="Kill a supervisor that does not answer, and all its services.")
    ] = False,
) -> None:
    """Stop the platform of this machine; running answers are finished first."""
    from colonnade.supervise.home import Home
    from colonnade.supervise.preflight import holder
    from colonnade.supervise.remote import Remote

    place = Home.of(home)
    pid = holder(place)
    if pid is None:
        raise Unavailable("no platform is running in this home; nothing to stop")
    try:
        remark("Stopping; running answers are finished first ...")
        Remote(place).stop()
    except (Unavailable, TimeoutError) as error:
        if not force:
            raise Unavailable(
                f"the platform (pid {pid}) does not answer; end it at once with: colonnade down --force"
            ) from error
        os.kill(pid, signal.SIGKILL)  # the kernel ends its children with it
        remark(f"Killed the supervisor (pid {pid}) and its services.")
    else:
        remark("Stopped.")
    tell_of_runs(place)


def tell_of_runs(home: "Home") -> None:
    """Says what goes on without the platform: whoever stops it may think that nothing does."""
    from colonnade.supervise.runs import going_on

    for job, pid in sorted(going_on(home).items()):
        remark(f"{job} is still being trained (pid {pid}); the next `colonnade up` finds it again.")
