"""``colonnade version``"""

import platform as machine
from importlib import metadata
from typing import Any

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out
from colonnade.errors import ColonnadeError


def version(url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Versions of this command, of Python and of the platform, if one answers."""
    facts: dict[str, Any] = {"colonnade": installed("colonnade"), "python": machine.python_version()}
    if torch := installed("torch"):
        facts["torch"] = torch
    try:
        with connect(url, api_key) as client:
            facts["platform"] = client.version().version
    except ColonnadeError:
        facts["platform"] = None
    if as_json:
        out().print_json(data=facts)
        return
    for name, value in facts.items():
        out().print(f"{name:10} {value or 'not reachable'}")


def own(wanted: bool) -> None:
    """``colonnade --version``: of this command alone, without asking anybody."""
    if wanted:
        out().print(f"colonnade {installed('colonnade')}")
        raise typer.Exit


def installed(distribution: str) -> str | None:
    """Its version, without importing it."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
