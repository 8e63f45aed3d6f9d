"""``colonnade registry``"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colonnade.cli.connection import ApiKey, AsJson, HomeFolder, Url, connect
from colonnade.cli.terminal import Step, human_bytes, out, progress, remark

if TYPE_CHECKING:
    from colonnade.client import BackedUp, Collected

app = typer.Typer(no_args_is_help=True, help="Look after the registry: files that nothing names, backups.")
Source = Annotated[
    str,
    typer.Argument(help="A folder or s3://bucket/prefix; PLACE/backups/NAME for another than the newest."),
]
_OFFLINE = ("-P", "-m", "colonnade.registry.offline")
_QUARTERS = 4


@app.command("gc")
def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Remove files that no version and no upload names, and none has for the grace period."""
    with connect(url, api_key) as client, progress(1) as draw:
        stream = client.registry.collect(dry_run=dry_run)
        with stream:
            for now in stream:
                draw(Step("collect", 0, 0, f"{now.looked_at} looked at", last=now.done))
    if as_json:
        out().print_json(data=asdict(stream.result))
        return
    _say_collected(stream.result, dry_run)


@app.command("backup")
def back_up(
    to: Annotated[
        str, typer.Argument(help="A name below the registry's backup root; nothing: the root itself.")
    ] = "",
    keep: Annotated[int, typer.Option(min=0, help="How many backups stay there, with this one; 0: all.")] = 0,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Copy the registry's records as they are now, and every file that is not there yet."""
    with connect(url, api_key) as client, progress(_QUARTERS) as draw:
        stream = client.registry.backup(to, keep=keep)
        with stream:
            for now in stream:
                draw(Step(now.stage, now.fraction, 1.0, f"{now.fraction:.0%}", last=now.stage == "done"))
    if as_json:
        out().print_json(data=asdict(stream.result), default=str)
        return
    _say_backed_up(stream.result)


@app.command("restore")
def restore(source: Source, home: HomeFolder = None) -> None:
    """Make a registry of a backup. It must be empty and not run; settings are those of the registry."""
    _offline("restore", source, home)
    remark(f"Restored. Start the platform with: {f'COLONNADE_HOME={home} ' if home else ''}colonnade up")


@app.command("verify")
def verify(source: Source) -> None:
    """Read a whole backup, and check every digest of it."""
    last = _offline("verify", source, None)
    remark(f"Whole: {last['total']} files and all records are what the list says.")


def _say_collected(done: "Collected", dry_run: bool) -> None:
    would = "would be removed" if dry_run else "removed"
    remark(
        f"{done.looked_at} files looked at, {done.removed} {would} ({human_bytes(done.removed_bytes)}), "
        f"{done.waiting} wait for the grace period to end."
    )


def _say_backed_up(done: "BackedUp") -> None:
    out().print(done.name)
    remark(f"{done.copied} files copied ({human_bytes(done.copied_bytes)}), {done.kept} were there already.")
    if done.dropped:
        remark(f"{done.dropped} earlier backups made room.")


def _offline(act: str, source: str, home: str | None) -> dict[str, Any]:
    """Runs it as the registry would be run; its refusals are ours."""
    environment = os.environ | ({"COLONNADE_HOME": home} if home else {})
    last: dict[str, Any] = {}
    command = [sys.executable, *_OFFLINE, act, source]
    with (
        progress(_QUARTERS) as draw,
        subprocess.Popen(  # noqa: S603 - ours
            command, stdout=subprocess.PIPE, env=environment, text=True
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            last = json.loads(line)
            total = max(last["total"], 1)
            told = f"{last['done']} of {last['total']} files"
            draw(Step(last["stage"], last["done"], total, told, last=last["stage"] == "done"))
    if process.returncode:
        raise typer.Exit(process.returncode)
    return last
