"""``colonnade doctor``"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import AsJson, HomeFolder
from colonnade.cli.terminal import out
from colonnade.supervise.defaults import GATEWAY_PORT

if TYPE_CHECKING:
    from colonnade.cli.checks import Finding
    from colonnade.supervise.home import Home

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    home: HomeFolder = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="The gateway's port, to see if it is free.")
    ] = GATEWAY_PORT,
    ray: Annotated[bool, typer.Option("--ray", help="Start a Ray cluster too, for a moment.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at everything that the platform needs, and say what to do. Status 1 if something will not work."""
    from colonnade.cli.checks import Level
    from colonnade.supervise.home import Home

    findings = list(examine(Home.of(home), port, trial=ray))
    failed = any(finding.level is Level.FAIL for finding in findings)
    if as_json:
        out().print_json(data={"healthy": not failed, "checks": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    if failed:
        raise typer.Exit(1)


def examine(home: "Home", port: int, *, trial: bool = False) -> "Iterator[Finding]":
    from colonnade.cli.checks import home as home_checks
    from colonnade.cli.checks import installation, machine, running, seals, vllm
    from colonnade.cli.checks import ray as ray_checks

    now = running.status(home)
    yield from installation.look()
    yield from machine.look(home, running=now is not None)
    yield from home_checks.look(home, running=now is not None)
    yield from seals.look(home)
    yield from running.look(home, now, port)
    yield from vllm.look()
    yield from ray_checks.look(home, trial=trial)


def _print(findings: "list[Finding]") -> None:
    from rich.text import Text

    for finding in findings:
        line = Text(f"{finding.level.value:5}", style=_COLOURS[finding.level.value])
        line.append(f"{finding.check:12} {finding.message}", style="not bold default")
        if finding.remedy:
            line.append(f"\n      -> {finding.remedy}", style="not bold default")
        out().print(line)
