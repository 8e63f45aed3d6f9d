"""``colonnade logs``"""

from typing import Annotated

import typer

from colonnade.cli.connection import HomeFolder
from colonnade.cli.terminal import out, remark
from colonnade.errors import NotFound


def logs(
    service: Annotated[
        str | None,
        typer.Argument(
            help="gateway, inference, training, memory, ethics, engine, registry, supervisor; else all."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines are written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    raw: Annotated[bool, typer.Option(help="The JSON lines as they are.")] = False,
    home: HomeFolder = None,
) -> None:
    """What the services of this machine wrote, merged by time."""
    from colonnade.cli.journal import Journal, rendered
    from colonnade.supervise.home import Home

    place = Home.of(home)
    known = sorted(path.stem for path in place.logs.glob("*.log"))
    if service is not None and service not in known:
        raise NotFound(f"there is no log of {service!r}; there are: {', '.join(known) or 'none yet'}")
    if not known:
        remark("There are no logs yet; start the platform with: colonnade up")
        return
    journal = Journal([place.log(name) for name in ([service] if service else known)])
    console = out()
    for line in journal.last(lines):
        console.print(line.raw if raw else rendered(line))
    if follow:
        for line in journal.follow():
            console.print(line.raw if raw else rendered(line))
