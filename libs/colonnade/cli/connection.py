"""Where the platform is and who asks: the options that every command has which talks to it."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from colonnade.errors import ColonnadeError

if TYPE_CHECKING:
    from colonnade.client import Colonnade

Url: TypeAlias = Annotated[
    str | None,
    typer.Option(envvar="COLONNADE_URL", help="The platform's address; by default the one of this machine."),
]
ApiKey: TypeAlias = Annotated[
    str | None,
    typer.Option(envvar="COLONNADE_API_KEY", help="API key, once keys exist. Better set the variable."),
]
HomeFolder: TypeAlias = Annotated[
    str | None,
    typer.Option("--home", envvar="COLONNADE_HOME", help="Folder of the platform; ~/.colonnade by default."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def connect(url: str | None, api_key: str | None) -> "Colonnade":
    """The SDK's client; without an address it finds the platform that runs in this user's home."""
    from colonnade.client import Colonnade

    return Colonnade(url or running_url(), api_key)


def running_url() -> str | None:
    """Where the gateway of the running platform in ``COLONNADE_HOME`` listens; None where none runs."""
    from colonnade.supervise.home import Home
    from colonnade.supervise.remote import Remote

    home = Home.of()
    if not home.control.exists():
        return None
    try:
        return Remote(home, seconds=2.0).status().url or None
    except (ColonnadeError, OSError, ValueError):
        return None
