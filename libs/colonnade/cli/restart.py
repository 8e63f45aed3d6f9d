"""``colonnade restart``"""

from typing import Annotated

import typer

from colonnade.cli.connection import HomeFolder
from colonnade.cli.terminal import remark


def restart(
    service: Annotated[
        str, typer.Argument(help="registry, engine, inference, training, memory, ethics or gateway")
    ],
    home: HomeFolder = None,
) -> None:
    """Restart one service of the platform on this machine, gracefully."""
    from colonnade.supervise.home import Home
    from colonnade.supervise.remote import Remote

    Remote(Home.of(home)).restart(service)
    remark(f"{service} was restarted; see it get ready with: colonnade status")
